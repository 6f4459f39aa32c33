/* What the sources of the driver's part in C share. */

#ifndef RDSPOOL_COMPILED_H
#define RDSPOOL_COMPILED_H

#include "stable_abi.h"

enum { HEADER = 4, MAX_PAYLOAD = 0xFFFFFF };

/* Bits of the status that ends each answer. */
enum { MORE_RESULTS = 0x0008, STATE_CHANGED = 0x4000 };

static inline PyObject *none(void)
{
    Py_IncRef(Py_None);
    return Py_None;
}

/* Whether a function was given as many arguments as it takes. -1 and TypeError: it was not. */
static inline int counted(Py_ssize_t given, Py_ssize_t wanted)
{
    if (given == wanted)
        return 0;
    PyErr_SetString(PyExc_TypeError, "wrong number of arguments");
    return -1;
}

/* What a callable returns for an argument, which this takes over. NULL where that is NULL. */
static inline PyObject *called(PyObject *callable, PyObject *argument)
{
    if (!argument)
        return NULL;
    PyObject *found = PyObject_Vectorcall(callable, &argument, 1, NULL);
    Py_DecRef(argument);
    return found;
}

/* A tuple that takes the items over. NULL where one of them is NULL. */
static inline PyObject *tuple_of(PyObject **items, Py_ssize_t number)
{
    int all = 1;
    for (Py_ssize_t i = 0; i < number; i++)
        all &= items[i] != NULL;
    PyObject *made = all ? PyTuple_New(number) : NULL;
    for (Py_ssize_t i = 0; i < number; i++) {
        if (made)
            PyTuple_SetItem(made, i, items[i]); /* a new tuple, which nobody else has: it can't fail */
        else if (items[i])
            Py_DecRef(items[i]);
    }
    return made;
}

/* _compiled_exchange.c */
extern PyType_Spec exchange_type;

/* _compiled_fill.c */
PyObject *fill(PyObject *, PyObject *const *, Py_ssize_t);

/* _compiled_rows.c */
PyObject *row(PyObject *, PyObject *const *, Py_ssize_t);
PyObject *rows(PyObject *, PyObject *const *, Py_ssize_t);
PyObject *result(PyObject *known, const uint8_t *answer, Py_ssize_t length);

#endif
