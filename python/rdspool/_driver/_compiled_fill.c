/* A statement out of its template and its values, for statements.py.

   Only an int is written here: of all else the text decides what a server reads, and literals.py alone writes it. */

#include "_compiled.h"

enum { DIGITS = 20 };

/* The decimal digits of an int that fits into 64 bits; NULL without an exception where it does not. */
static PyObject *integer(PyObject *value)
{
    int beyond = 0;
    long long number = PyLong_AsLongLongAndOverflow(value, &beyond);
    if (beyond || (number == -1 && PyErr_Occurred()))
        return NULL;
    char text[DIGITS], *end = text + DIGITS, *at = end;
    unsigned long long left = number < 0 ? 0 - (unsigned long long)number : (unsigned long long)number;
    do
        *--at = (char)('0' + left % 10);
    while (left /= 10);
    if (number < 0)
        *--at = '-';
    return PyBytes_FromStringAndSize(at, end - at);
}

static PyObject *written(PyObject *value, PyObject *literal)
{
    PyObject *made = value->ob_type == &PyLong_Type ? integer(value) : NULL;
    if (made || PyErr_Occurred())
        return made;
    return PyObject_Vectorcall(literal, &value, 1, NULL);
}

/* The literals of the values, each in its place; NULL without an exception where a name has no value. */
static PyObject *literals(PyObject *names, PyObject *values, PyObject *literal)
{
    Py_ssize_t number = PyList_Size(names);
    PyObject *found = number < 0 ? NULL : PyList_New(0);
    for (Py_ssize_t i = 0; found && i < number; i++) {
        PyObject *name = PyList_GetItem(names, i), *value = name ? PyDict_GetItemWithError(values, name) : NULL;
        if (value)
            Py_IncRef(value); /* literal() can change the dict */
        PyObject *text = value ? written(value, literal) : NULL;
        if (value)
            Py_DecRef(value);
        int failed = !text || PyList_Append(found, text);
        if (text)
            Py_DecRef(text);
        if (failed) {
            Py_DecRef(found);
            return NULL;
        }
    }
    return found;
}

/* The bytes of a list's item. -1: it has none. */
static int part(PyObject *list, Py_ssize_t at, char **bytes, Py_ssize_t *size)
{
    PyObject *item = PyList_GetItem(list, at);
    return item ? PyBytes_AsStringAndSize(item, bytes, size) : -1;
}

/* The pieces with the literals between them; one more piece than literals. */
static PyObject *joined(PyObject *pieces, PyObject *found)
{
    Py_ssize_t number = PyList_Size(found), total = 0, size;
    char *bytes;
    for (Py_ssize_t i = 0; i < 2 * number + 1; i++) {
        if (part(i % 2 ? found : pieces, i / 2, &bytes, &size))
            return NULL;
        total += size;
    }
    PyObject *made = PyBytes_FromStringAndSize(NULL, total);
    char *at = made ? PyBytes_AsString(made) : NULL;
    for (Py_ssize_t i = 0; at && i < 2 * number + 1; i++) {
        part(i % 2 ? found : pieces, i / 2, &bytes, &size);
        __builtin_memcpy(at, bytes, (size_t)size);
        at += size;
    }
    return made;
}

/* fill(pieces, names, values, number, literal): the pieces with the literals of the values between them. `literal` makes one of a value.

   None: there are not as many values as `number` says, or a name has none. */
PyObject *fill(PyObject *self, PyObject *const *given, Py_ssize_t number)
{
    (void)self;
    if (counted(number, 5))
        return NULL;
    Py_ssize_t there = PyDict_Size(given[2]), wanted = PyLong_AsSsize_t(given[3]);
    if (PyErr_Occurred())
        return NULL;
    PyObject *found = there == wanted ? literals(given[1], given[2], given[4]) : NULL;
    if (!found)
        return PyErr_Occurred() ? NULL : none();
    PyObject *made = joined(given[0], found);
    Py_DecRef(found);
    return made;
}
