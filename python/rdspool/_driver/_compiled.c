/* The driver's part in C: the usual exchange of a command and its answer in one call, and the rows of a result (_compiled_rows.c).

   All of it is done in Python too (packets.py, answers.py, rows.py), where this part is missing, and for all that is not usual: this part
   leaves it as it came. Nothing is kept from one call to the next. */

#include "_compiled.h"

enum { HEADER = 4, OK_SIZE = 7 };

/* An OK packet that is all that came: the numbers of affected rows and of an AUTO_INCREMENT value (one byte each), the status and the number of
   warnings (two bytes each), perhaps a text. None: it is another answer. */
static PyObject *ok(const uint8_t *p, Py_ssize_t length)
{
    Py_ssize_t size = length - HEADER;
    if (size < OK_SIZE || (p[0] | p[1] << 8 | p[2] << 16) != size || p[3] != 1 || p[4] || p[5] >= 0xFB || p[6] >= 0xFB || p[7] & MORE_RESULTS)
        return none();
    PyObject *items[4] = {
        PyLong_FromLongLong(p[5]),
        PyLong_FromLongLong(p[6]),
        PyLong_FromLongLong(p[7] | p[8] << 8),
        PyLong_FromLongLong(p[9] | p[10] << 8),
    };
    return tuple_of(items, 4);
}

/* answer(known, came): what came for a command, where that is the whole of a usual answer: (affected rows, AUTO_INCREMENT value, status,
   warnings) of an OK packet; with `known`, which is not None, (rows, status, warnings) of a result: see result(). None for all else. */
static PyObject *answer(PyObject *self, PyObject *const *given, Py_ssize_t number)
{
    char *came;
    Py_ssize_t length;
    (void)self;
    if (counted(number, 2) || PyBytes_AsStringAndSize(given[1], &came, &length))
        return NULL;
    if (given[0] == Py_None)
        return ok((const uint8_t *)came, length);
    return result(given[0], (const uint8_t *)came, length);
}

/* The packet of a command, the first of its sequence. */
static PyObject *packet(const char *payload, Py_ssize_t size)
{
    PyObject *made = PyBytes_FromStringAndSize(NULL, HEADER + size);
    if (made) {
        char *bytes = PyBytes_AsString(made);
        bytes[0] = (char)size, bytes[1] = (char)(size >> 8), bytes[2] = (char)(size >> 16), bytes[3] = 0;
        __builtin_memcpy(bytes + HEADER, payload, (size_t)size);
    }
    return made;
}

/* exchange(poll, send, receive, most, payload): send a command and return the first bytes of its answer, at most `most`.

   None: poll(0) says that something lies there already, and nothing was sent. An int: so many bytes of the packet were sent, and no more. An
   exception: receive() has raised it, after the command was sent; what poll() and send() raise is raised. */
static PyObject *exchange(PyObject *self, PyObject *const *given, Py_ssize_t number)
{
    char *payload;
    Py_ssize_t size;
    (void)self;
    if (counted(number, 5) || PyBytes_AsStringAndSize(given[4], &payload, &size))
        return NULL;
    if (size >= MAX_PAYLOAD) {
        PyErr_SetString(PyExc_ValueError, "the command does not fit into one packet");
        return NULL;
    }
    PyObject *found = called(given[0], PyLong_FromLongLong(0));
    if (!found)
        return NULL;
    int there = PyObject_IsTrue(found);
    Py_DecRef(found);
    if (there)
        return there < 0 ? NULL : none();
    found = called(given[1], packet(payload, size));
    if (!found)
        return NULL;
    Py_ssize_t sent = PyLong_AsSsize_t(found);
    if (sent != HEADER + size) {
        if (!PyErr_Occurred())
            return found;
        Py_DecRef(found);
        return NULL;
    }
    Py_DecRef(found);
    found = PyObject_Vectorcall(given[2], &given[3], 1, NULL);
    return found ? found : PyErr_GetRaisedException();
}

static PyMethodDef methods[] = {
    {"answer", (PyCFunction)(void *)answer, METH_FASTCALL, NULL},
    {"exchange", (PyCFunction)(void *)exchange, METH_FASTCALL, NULL},
    {"row", (PyCFunction)(void *)row, METH_FASTCALL, NULL},
    {"rows", (PyCFunction)(void *)rows, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{0, NULL}};

static PyModuleDef module = {PyModuleDef_HEAD_INIT, "_compiled", NULL, 0, methods, slots, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__compiled(void) { return PyModuleDef_Init(&module); }
