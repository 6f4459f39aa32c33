/* The part of CPython's stable ABI that the driver's part in C uses, as it is since CPython 3.12.

   Not Python.h: its text differs between the interpreters that build a layer, and some are installed without it. These declarations are
   the same everywhere, so the compiled bytes are too. tests/unit/test_compiled_source.py compiles them after Python.h, where one that
   contradicts it is an error. */

#ifndef RDSPOOL_STABLE_ABI_H
#define RDSPOOL_STABLE_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifndef Py_PYTHON_H

typedef intptr_t Py_ssize_t;
typedef struct _object PyObject;
typedef struct _typeobject PyTypeObject;
typedef PyObject *(*PyCFunction)(PyObject *, PyObject *);

struct _object {
    Py_ssize_t ob_refcnt;
    PyTypeObject *ob_type;
};

typedef struct PyMethodDef {
    const char *ml_name;
    PyCFunction ml_meth;
    int ml_flags;
    const char *ml_doc;
} PyMethodDef;

typedef struct PyModuleDef_Base {
    PyObject ob_base;
    PyObject *(*m_init)(void);
    Py_ssize_t m_index;
    PyObject *m_copy;
} PyModuleDef_Base;

typedef struct PyModuleDef_Slot {
    int slot;
    void *value;
} PyModuleDef_Slot;

typedef struct PyModuleDef {
    PyModuleDef_Base m_base;
    const char *m_name;
    const char *m_doc;
    Py_ssize_t m_size;
    PyMethodDef *m_methods;
    PyModuleDef_Slot *m_slots;
    int (*m_traverse)(PyObject *, int (*)(PyObject *, void *), void *);
    int (*m_clear)(PyObject *);
    void (*m_free)(void *);
} PyModuleDef;

typedef struct PyMemberDef {
    const char *name;
    int type;
    Py_ssize_t offset;
    int flags;
    const char *doc;
} PyMemberDef;

typedef struct {
    int slot;
    void *pfunc;
} PyType_Slot;

typedef struct {
    const char *name;
    int basicsize;
    int itemsize;
    unsigned int flags;
    PyType_Slot *slots;
} PyType_Spec;

typedef int (*visitproc)(PyObject *, void *);
typedef void (*freefunc)(void *);

#define Py_None (&_Py_NoneStruct)
#define Py_False ((PyObject *)&_Py_FalseStruct)
#define Py_True ((PyObject *)&_Py_TrueStruct)
#define PyModuleDef_HEAD_INIT {{1, NULL}, NULL, 0, NULL}
#define PyMODINIT_FUNC __attribute__((visibility("default"))) PyObject *

extern PyObject _Py_NoneStruct, _Py_FalseStruct, _Py_TrueStruct;
extern PyTypeObject PyLong_Type;

#endif

/* Numbers, which a compiler compares with those of Python.h where both are there. */
#define METH_NOARGS 0x0004
#define METH_FASTCALL 0x0080
#define Py_TPFLAGS_BASETYPE (1UL << 10)
#define Py_TPFLAGS_HAVE_GC (1UL << 14)
#define Py_T_DOUBLE 4
#define Py_T_OBJECT_EX 16
#define Py_mod_exec 2
#define Py_tp_clear 51
#define Py_tp_dealloc 52
#define Py_tp_methods 64
#define Py_tp_traverse 71
#define Py_tp_members 72
#define Py_tp_free 74

extern PyObject *PyExc_ArithmeticError, *PyExc_IndexError, *PyExc_TypeError, *PyExc_UnicodeDecodeError, *PyExc_ValueError;

extern PyObject *PyModuleDef_Init(PyModuleDef *);
extern void Py_IncRef(PyObject *);
extern void Py_DecRef(PyObject *);
extern void PyErr_Clear(void);
extern PyObject *PyErr_Occurred(void);
extern int PyErr_ExceptionMatches(PyObject *);
extern PyObject *PyErr_GetRaisedException(void);
extern void PyErr_SetString(PyObject *, const char *);
extern Py_ssize_t PyBytes_Size(PyObject *);
extern PyObject *PyBytes_FromStringAndSize(const char *, Py_ssize_t);
extern char *PyBytes_AsString(PyObject *);
extern int PyBytes_AsStringAndSize(PyObject *, char **, Py_ssize_t *);
extern double PyFloat_AsDouble(PyObject *);
extern PyObject *PyFloat_FromDouble(double);
extern PyObject *PyDict_GetItemWithError(PyObject *, PyObject *);
extern Py_ssize_t PyDict_Size(PyObject *);
extern int PyList_Append(PyObject *, PyObject *);
extern PyObject *PyList_GetItem(PyObject *, Py_ssize_t);
extern PyObject *PyList_New(Py_ssize_t);
extern Py_ssize_t PyList_Size(PyObject *);
extern long long PyLong_AsLongLongAndOverflow(PyObject *, int *);
extern Py_ssize_t PyLong_AsSsize_t(PyObject *);
extern PyObject *PyLong_FromLongLong(long long);
extern PyObject *PyLong_FromSsize_t(Py_ssize_t);
extern PyObject *PyLong_FromUnsignedLongLong(unsigned long long);
extern int PyModule_AddObjectRef(PyObject *, const char *, PyObject *);
extern void PyObject_GC_UnTrack(void *);
extern int PyObject_IsTrue(PyObject *);
extern PyObject *PyObject_Vectorcall(PyObject *, PyObject *const *, size_t, PyObject *);
extern double PyOS_string_to_double(const char *, char **, PyObject *);
extern PyObject *PyTuple_GetItem(PyObject *, Py_ssize_t);
extern PyObject *PyTuple_New(Py_ssize_t);
extern int PyTuple_SetItem(PyObject *, Py_ssize_t, PyObject *);
extern Py_ssize_t PyTuple_Size(PyObject *);
extern PyObject *PyType_FromSpec(PyType_Spec *);
extern void *PyType_GetSlot(PyTypeObject *, int);
extern PyObject *PyUnicode_DecodeUTF8(const char *, Py_ssize_t, const char *);
extern PyObject *PyUnicode_FromStringAndSize(const char *, Py_ssize_t);

#endif
