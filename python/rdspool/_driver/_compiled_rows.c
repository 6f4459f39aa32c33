/* The rows of a text result as Python values, for rows.py: a row of 9 columns takes a quarter of the time that it takes there.

   A row that this can't read, or a value that is not written as servers write it, is left to rows.py, which then gives the value or the
   error. So the two can differ only in what is read here. Nothing is kept from one call to the next. */

#include "_compiled.h"

/* What rows.py asks for each column: its values are made here, or by the column's callable. */
enum {
    BYTES = 'b',    /* bytes */
    TEXT = 't',     /* str; bytes where it is no UTF-8 */
    INTEGER = 'i',  /* int */
    REAL = 'f',     /* float */
    BITS = 'B',     /* int of at most 64 bits, most significant byte first */
    DECIMAL = 'd',  /* callable(str) */
    DATE = 'D',     /* callable(str); None where Python has no such date */
    SPAN = 'T',     /* callable(days, seconds, microseconds) */
    OTHER = 'o',    /* callable(bytes) */
};

enum { EOF_PACKET = 0xFE, LONGEST_NUMBER = 63 };

typedef enum { READ, UNREADABLE, FAILED } Outcome;

static int is_digit(uint8_t c) { return c >= '0' && c <= '9'; }

/* A callable raised: what rows.py catches makes the row unreadable, all else, such as KeyboardInterrupt, goes on. */
static Outcome after_error(void)
{
    if (PyErr_ExceptionMatches(PyExc_ValueError) || PyErr_ExceptionMatches(PyExc_ArithmeticError)
        || PyErr_ExceptionMatches(PyExc_TypeError) || PyErr_ExceptionMatches(PyExc_IndexError)) {
        PyErr_Clear();
        return UNREADABLE;
    }
    return FAILED;
}

static Outcome made(PyObject *value, PyObject **out)
{
    *out = value;
    return value ? READ : FAILED;
}

static Outcome text(const uint8_t *s, size_t size, PyObject **out)
{
    *out = PyUnicode_DecodeUTF8((const char *)s, (Py_ssize_t)size, NULL);
    if (*out)
        return READ;
    if (!PyErr_ExceptionMatches(PyExc_UnicodeDecodeError))
        return FAILED;
    PyErr_Clear();
    return made(PyBytes_FromStringAndSize((const char *)s, (Py_ssize_t)size), out);
}

/* 18 digits fit into 64 bits; 19 and 20, as a BIGINT UNSIGNED can have, need a look at each step. */
static Outcome integer(const uint8_t *s, size_t size, PyObject **out)
{
    int negative = size && *s == '-';
    const uint8_t *p = s + negative, *end = s + size;
    uint64_t number = 0;
    if (p == end || end - p > 20)
        return UNREADABLE;
    for (; p < end; p++) {
        unsigned digit = (unsigned)(*p - '0');
        if (digit > 9 || number > (UINT64_MAX - digit) / 10)
            return UNREADABLE;
        number = number * 10 + digit;
    }
    if (!negative)
        return made(PyLong_FromUnsignedLongLong(number), out);
    if (number > INT64_MAX)
        return UNREADABLE;
    return made(PyLong_FromLongLong(-(long long)number), out);
}

static int is_number(const uint8_t *s, size_t size)
{
    if (!size || size > LONGEST_NUMBER)
        return 0;
    for (size_t i = 0; i < size; i++)
        if (!is_digit(s[i]) && s[i] != '.' && s[i] != '-' && s[i] != '+' && s[i] != 'e')
            return 0;
    return 1;
}

/* Divide a number of 128 bits, its highest 32 first, and return the remainder. (A division of 128 bits would be one of the compiler's library.) */
static uint64_t divide(uint32_t number[4], uint32_t divisor)
{
    uint64_t rest = 0;
    for (int i = 0; i < 4; i++) {
        rest = rest << 32 | number[i];
        number[i] = (uint32_t)(rest / divisor);
        rest %= divisor;
    }
    return rest;
}

static uint32_t power_of_five(int exponent)
{
    uint32_t power = 1;
    for (; exponent > 0; exponent--)
        power *= 5;
    return power;
}

enum { MOST_DIGITS = 19, HALF = 13, MOST_PLACES = 2 * HALF }; /* 10^19 < 2^64, 5^13 < 2^32 */

/* The double nearest to digits / 10^places, half to even: digits * 2^64 / 5^places in integers, rounded once. The powers of two go into the
   exponent. */
static double quotient(uint64_t digits, int places)
{
    if (!digits || !places)
        return (double)digits;
    int zeros = __builtin_clzll(digits);
    digits <<= zeros;
    uint32_t number[4] = {(uint32_t)(digits >> 32), (uint32_t)digits, 0, 0};
    uint64_t rest = divide(number, power_of_five(places < HALF ? places : HALF));
    if (places > HALF)
        rest |= divide(number, power_of_five(places - HALF));
    uint64_t high = (uint64_t)number[0] << 32 | number[1], low = (uint64_t)number[2] << 32 | number[3];
    /* From 2^127 on, divided by less than 2^61: `high` is not 0. Of the bits, one more is kept than a double has. */
    int shift = 64 - __builtin_clzll(high) - 54 + 64; /* 13 to 73 */
    uint64_t kept = shift < 64 ? high << (64 - shift) | low >> shift : high >> (shift - 64);
    rest |= shift < 64 ? low << (64 - shift) : low | (shift > 64 ? high << (128 - shift) : 0);
    uint64_t mantissa = (kept >> 1) + ((kept & 1) && (rest || kept & 2));
    union { uint64_t bits; double number; } power = {(uint64_t)(1023 + shift + 1 - 64 - zeros - places) << 52};
    return (double)mantissa * power.number;
}

/* A number with few enough digits and without an exponent, as nearly all are. 0: it is another, or none. */
static int plain_number(const uint8_t *s, size_t size, double *out)
{
    const uint8_t *p = s, *end = s + size;
    uint64_t digits = 0;
    int negative = p < end && *p == '-', number = 0, places = -1;
    for (p += negative; p < end; p++) {
        if (*p == '.' && places < 0) {
            places = 0;
            continue;
        }
        if (!is_digit(*p))
            return 0;
        digits = digits * 10 + (*p - '0');
        number += number || *p != '0';
        places += places >= 0;
        if (number > MOST_DIGITS || places > MOST_PLACES)
            return 0;
    }
    if (end - s == negative || !is_digit(s[negative]) || !is_digit(end[-1]))
        return 0;
    double found = quotient(digits, places < 0 ? 0 : places);
    *out = negative ? -found : found;
    return 1;
}

static Outcome real(const uint8_t *s, size_t size, PyObject **out)
{
    char copy[LONGEST_NUMBER + 1], *end;
    double number;
    if (plain_number(s, size, &number))
        return made(PyFloat_FromDouble(number), out);
    if (!is_number(s, size))
        return UNREADABLE;
    for (size_t i = 0; i < size; i++)
        copy[i] = (char)s[i];
    copy[size] = 0;
    number = PyOS_string_to_double(copy, &end, NULL);
    if (number == -1.0 && PyErr_Occurred())
        return after_error();
    if (end != copy + size)
        return UNREADABLE;
    return made(PyFloat_FromDouble(number), out);
}

static Outcome bits(const uint8_t *s, size_t size, PyObject **out)
{
    uint64_t number = 0;
    if (size > 8)
        return UNREADABLE;
    for (size_t i = 0; i < size; i++)
        number = number << 8 | s[i];
    return made(PyLong_FromUnsignedLongLong(number), out);
}

/* Takes the argument over. */
static Outcome call(PyObject *callable, PyObject *argument, PyObject **out)
{
    if (!argument)
        return FAILED;
    *out = called(callable, argument);
    return *out ? READ : after_error();
}

static PyObject *ascii(const uint8_t *s, size_t size) { return PyUnicode_FromStringAndSize((const char *)s, (Py_ssize_t)size); }

static Outcome decimal(const uint8_t *s, size_t size, PyObject *callable, PyObject **out)
{
    return is_number(s, size) ? call(callable, ascii(s, size), out) : UNREADABLE;
}

/* Whether the digits of a pattern (0) and all else in it are there. */
static int looks_like(const uint8_t *s, const char *pattern)
{
    for (; *pattern; pattern++, s++)
        if (*pattern == '0' ? !is_digit(*s) : *s != (uint8_t)*pattern)
            return 0;
    return 1;
}

/* A fraction of a second in s[from:size], as microseconds; 0 where there is none. -1: it is none. */
static int fraction(const uint8_t *s, size_t from, size_t size)
{
    int number = 0;
    if (from == size)
        return 0;
    if (s[from] != '.' || size - from < 2 || size - from > 7)
        return -1;
    for (size_t i = from + 1; i < from + 7; i++) {
        if (i < size && !is_digit(s[i]))
            return -1;
        number = number * 10 + (i < size ? s[i] - '0' : 0);
    }
    return number;
}

static Outcome date(const uint8_t *s, size_t size, PyObject *callable, PyObject **out)
{
    if (size < 10 || !looks_like(s, "0000-00-00"))
        return UNREADABLE;
    if (size > 10 && (size < 19 || !looks_like(s + 10, " 00:00:00") || fraction(s, 19, size) < 0))
        return UNREADABLE;
    Outcome outcome = call(callable, ascii(s, size), out);
    if (outcome != UNREADABLE)
        return outcome;
    Py_IncRef(Py_None);
    return made(Py_None, out);
}

static Outcome span(const uint8_t *s, size_t size, PyObject *callable, PyObject **out)
{
    size_t at = size && *s == '-', first = at;
    int sign = at ? -1 : 1, seconds = 0;
    for (; at < size && at < first + 5 && is_digit(s[at]); at++)
        seconds = seconds * 10 + (s[at] - '0');
    if (at == first || size - at < 6 || !looks_like(s + at, ":00:00"))
        return UNREADABLE;
    seconds = seconds * 3600 + (s[at + 1] - '0') * 600 + (s[at + 2] - '0') * 60 + (s[at + 4] - '0') * 10 + (s[at + 5] - '0');
    int microseconds = fraction(s, at + 6, size);
    if (microseconds < 0)
        return UNREADABLE;
    PyObject *given[3] = {PyLong_FromLongLong(0), PyLong_FromLongLong(sign * seconds), PyLong_FromLongLong(sign * microseconds)};
    *out = given[0] && given[1] && given[2] ? PyObject_Vectorcall(callable, given, 3, NULL) : NULL;
    for (int i = 0; i < 3; i++)
        if (given[i])
            Py_DecRef(given[i]);
    return *out ? READ : after_error();
}

static Outcome value(char kind, const uint8_t *s, size_t size, PyObject *callable, PyObject **out)
{
    switch (kind) {
    case TEXT:
        return text(s, size, out);
    case INTEGER:
        return integer(s, size, out);
    case REAL:
        return real(s, size, out);
    case BITS:
        return bits(s, size, out);
    case DECIMAL:
        return decimal(s, size, callable, out);
    case DATE:
        return date(s, size, callable, out);
    case SPAN:
        return span(s, size, callable, out);
    case BYTES:
        return made(PyBytes_FromStringAndSize((const char *)s, (Py_ssize_t)size), out);
    case OTHER:
        return call(callable, PyBytes_FromStringAndSize((const char *)s, (Py_ssize_t)size), out);
    default:
        PyErr_SetString(PyExc_ValueError, "there is no such kind of value");
        return FAILED;
    }
}

/* The columns of a result: a kind for each, a callable for each, and whether the collector has no use for a row of theirs. */
typedef struct {
    const char *kinds;
    PyObject *callables;
    Py_ssize_t number;
    int untracked;
} Columns;

static Outcome fields(const uint8_t *p, const uint8_t *end, const Columns *columns, PyObject *row)
{
    for (Py_ssize_t i = 0; i < columns->number; i++) {
        PyObject *found;
        if (p == end)
            return UNREADABLE;
        uint64_t size = *p++;
        if (size == 0xFB) {
            Py_IncRef(Py_None);
            found = Py_None;
        } else {
            if (size > 0xFB) {
                int width = size == 0xFC ? 2 : size == 0xFD ? 3 : 8;
                if (size == 0xFF || end - p < width)
                    return UNREADABLE;
                size = 0;
                for (int byte = 0; byte < width; byte++)
                    size |= (uint64_t)p[byte] << 8 * byte;
                p += width;
            }
            if (size > (uint64_t)(end - p))
                return UNREADABLE;
            Outcome outcome = value(columns->kinds[i], p, (size_t)size, PyTuple_GetItem(columns->callables, i), &found);
            if (outcome != READ)
                return outcome;
            p += size;
        }
        if (PyTuple_SetItem(row, i, found))
            return FAILED;
    }
    return p == end ? READ : UNREADABLE;
}

static Outcome read_row(const uint8_t *p, const uint8_t *end, const Columns *columns, PyObject **out)
{
    *out = PyTuple_New(columns->number);
    if (!*out)
        return FAILED;
    Outcome outcome = fields(p, end, columns, *out);
    if (outcome != READ)
        Py_DecRef(*out);
    else if (columns->untracked)
        PyObject_GC_UnTrack(*out); /* as the collector itself does when it meets a tuple of such values */
    return outcome;
}

static int read_columns(PyObject *kinds, PyObject *callables, Columns *columns)
{
    char *text;
    if (PyBytes_AsStringAndSize(kinds, &text, &columns->number))
        return -1;
    columns->kinds = text;
    columns->callables = callables;
    columns->untracked = 1;
    for (Py_ssize_t i = 0; i < columns->number; i++)
        columns->untracked &= text[i] != OTHER;
    Py_ssize_t number = PyTuple_Size(callables);
    if (number == columns->number)
        return 0;
    if (number >= 0)
        PyErr_SetString(PyExc_ValueError, "each column has one kind and one callable");
    return -1;
}

/* row(kinds, callables, payload): the row, None where it can't be read. */
PyObject *row(PyObject *self, PyObject *const *given, Py_ssize_t number)
{
    Columns columns;
    char *payload;
    Py_ssize_t size;
    PyObject *found;
    (void)self;
    if (counted(number, 3) || read_columns(given[0], given[1], &columns) || PyBytes_AsStringAndSize(given[2], &payload, &size))
        return NULL;
    switch (read_row((const uint8_t *)payload, (const uint8_t *)payload + size, &columns, &found)) {
    case READ:
        return found;
    case UNREADABLE:
        return none();
    default:
        return NULL;
    }
}

/* Append the rows in the packets from buffer[*at] on, at most `most`, and let `at` be where it stopped: see rows(). UNREADABLE: at a row. */
static Outcome take(
    const Columns *columns, const uint8_t *buffer, Py_ssize_t length, Py_ssize_t *at, Py_ssize_t sequence, Py_ssize_t most, PyObject *found)
{
    for (; most > 0 && length - *at > 4; most--, sequence++) {
        const uint8_t *header = buffer + *at, *payload = header + 4;
        Py_ssize_t size = header[0] | header[1] << 8 | header[2] << 16;
        if (!size || size == MAX_PAYLOAD || size > length - *at - 4 || header[3] != (sequence & 0xFF) || *payload >= EOF_PACKET)
            break;
        PyObject *made;
        Outcome outcome = read_row(payload, payload + size, columns, &made);
        if (outcome != READ)
            return outcome;
        int failed = PyList_Append(found, made);
        Py_DecRef(made);
        if (failed)
            return FAILED;
        *at += 4 + size;
    }
    return READ;
}

/* rows(kinds, callables, buffer, at, sequence, most, found): append the rows in the packets from buffer[at] on, at most `most`, and
   return where it stopped: at the first packet that is not whole, not the next of its sequence, has 16 MiB, no bytes, or is no row.
   One that is a row and can't be read: its position as a negative number less one. */
PyObject *rows(PyObject *self, PyObject *const *given, Py_ssize_t number)
{
    Columns columns;
    char *buffer;
    Py_ssize_t length;
    (void)self;
    if (counted(number, 7) || read_columns(given[0], given[1], &columns) || PyBytes_AsStringAndSize(given[2], &buffer, &length))
        return NULL;
    Py_ssize_t at = PyLong_AsSsize_t(given[3]), sequence = PyLong_AsSsize_t(given[4]), most = PyLong_AsSsize_t(given[5]);
    if (PyErr_Occurred())
        return NULL;
    if (at < 0 || at > length) {
        PyErr_SetString(PyExc_ValueError, "the position is outside of the buffer");
        return NULL;
    }
    switch (take(&columns, (const uint8_t *)buffer, length, &at, sequence, most, given[6])) {
    case READ:
        return PyLong_FromSsize_t(at);
    case UNREADABLE:
        return PyLong_FromSsize_t(-at - 1);
    default:
        return NULL;
    }
}

/* The packet that ends a result most often: an OK packet of 7 bytes, which holds the numbers of affected rows and of an AUTO_INCREMENT value
   (one byte each), the status and the number of warnings (two bytes each). */
enum { END_SIZE = 7, END_PACKET = 4 + END_SIZE };

static int is_end(const uint8_t *p, Py_ssize_t sequence)
{
    return p[0] == END_SIZE && !p[1] && !p[2] && p[3] == (sequence & 0xFF) && p[4] == EOF_PACKET && p[5] < 0xFB && p[6] < 0xFB;
}

/* The rows in an answer that is there whole, the status and the number of warnings that end it. `known` is what the answer to the same
   statement began with last time: (kinds, callables, header, sequence), with the packets that come before the rows, and the number of the one
   behind them. None for every other answer: another header, a row that can't be read, more bytes behind the end, another result behind it. */
PyObject *result(PyObject *known, const uint8_t *answer, Py_ssize_t length)
{
    Columns columns;
    char *header;
    Py_ssize_t size;
    PyObject *parts[4];
    for (Py_ssize_t i = 0; i < 4; i++)
        if (!(parts[i] = PyTuple_GetItem(known, i)))
            return NULL;
    if (read_columns(parts[0], parts[1], &columns) || PyBytes_AsStringAndSize(parts[2], &header, &size))
        return NULL;
    Py_ssize_t sequence = PyLong_AsSsize_t(parts[3]), at = size, end = length - END_PACKET;
    if (PyErr_Occurred())
        return NULL;
    /* The end first: a large result, which has not arrived whole, would be read in vain. */
    if (end < size || answer[end] != END_SIZE || answer[end + 4] != EOF_PACKET || __builtin_memcmp(header, answer, (size_t)size))
        return none();
    PyObject *found = PyList_New(0);
    if (!found)
        return NULL;
    Outcome outcome = take(&columns, answer, end, &at, sequence, end, found);
    if (outcome == READ && at == end && is_end(answer + end, sequence + PyList_Size(found))) {
        int status = answer[end + 7] | answer[end + 8] << 8, warnings = answer[end + 9] | answer[end + 10] << 8;
        if (!(status & MORE_RESULTS)) {
            PyObject *items[3] = {found, PyLong_FromLongLong(status), PyLong_FromLongLong(warnings)};
            return tuple_of(items, 3);
        }
    }
    Py_DecRef(found);
    return outcome == FAILED ? NULL : none();
}
