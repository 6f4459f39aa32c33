/* The driver's part in C: statements out of templates (_compiled_fill.c), the usual exchange of a command and its answer
   (_compiled_exchange.c), and the rows of a result (_compiled_rows.c).

   All of it is done in Python too (statements.py, answers.py, packets.py, rows.py), where this part is missing, and for all that is not
   usual: this part leaves it as it came. */

#include "_compiled.h"

static int add_types(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&exchange_type);
    if (!type)
        return -1;
    int failed = PyModule_AddObjectRef(module, "Exchange", type);
    Py_DecRef(type);
    return failed;
}

static PyMethodDef methods[] = {
    {"fill", (PyCFunction)(void *)fill, METH_FASTCALL, NULL},
    {"row", (PyCFunction)(void *)row, METH_FASTCALL, NULL},
    {"rows", (PyCFunction)(void *)rows, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{Py_mod_exec, (void *)add_types}, {0, NULL}};

static PyModuleDef module = {PyModuleDef_HEAD_INIT, "_compiled", NULL, 0, methods, slots, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__compiled(void) { return PyModuleDef_Init(&module); }
