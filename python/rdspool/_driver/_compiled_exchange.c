/* Exchange: what a connection knows of its session, and the usual exchange of a command and its answer, in one call.

   compiled.py has the type in Python, which finds nothing usual: answers.py does in Python all that is left so. */

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L /* clock_gettime() */
#endif
#include "_compiled.h"
#include <poll.h>
#include <stddef.h>
#include <time.h>

enum { OK_SIZE = 7 };

/* Bytes of a command that a socket takes without a wait, because its buffer is empty then: so only the answer needs a time-out. */
enum { AT_ONCE = 8192 };

/* The objects, which are NULL where Python has deleted them. */
enum { ANSWERING, COMMANDS, LIMITS, READY, SENT, SENT_WHOLE, STATUS, STATUS_KNOWN, OBJECTS };

typedef struct {
    PyObject base;
    PyObject *objects[OBJECTS];
    double began, last_used, part, until;
} Exchange;

/* Put an object, which this takes over, into the place of another. */
static void put(PyObject **place, PyObject *value)
{
    PyObject *before = *place;
    *place = value;
    if (before)
        Py_DecRef(before);
}

/* The same with an object that stays the caller's. */
static void put_shared(PyObject **place, PyObject *value)
{
    Py_IncRef(value);
    put(place, value);
}

static double now(clockid_t clock)
{
    struct timespec time;
    clock_gettime(clock, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

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

/* What came for a command, where that is the whole of a usual answer; None: it is not. */
static PyObject *answer(PyObject *known, PyObject *came)
{
    char *bytes;
    Py_ssize_t length;
    if (PyBytes_AsStringAndSize(came, &bytes, &length))
        return NULL;
    return known == Py_None ? ok((const uint8_t *)bytes, length) : result(known, (const uint8_t *)bytes, length);
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

/* Whether something has come that nobody has asked for, or the peer's end of the connection. -1: an exception. */
static int has_come(PyObject *ready)
{
    Py_ssize_t descriptor = PyLong_AsSsize_t(PyTuple_GetItem(ready, 0));
    if (PyErr_Occurred())
        return -1;
    struct pollfd asked = {(int)descriptor, POLLIN, 0};
    return poll(&asked, 1, 0) != 0; /* what fails is found out in Python */
}

/* quiet(): whether the connection is as its last answer has left it, read to its end: nothing has come since. */
static PyObject *quiet(PyObject *self, PyObject *nothing)
{
    (void)nothing;
    PyObject *ready = ((Exchange *)self)->objects[READY];
    int came = ready && ready != Py_None ? has_come(ready) : 1;
    if (came < 0)
        return NULL;
    PyObject *found = came ? Py_False : Py_True;
    Py_IncRef(found);
    return found;
}

/* Note that a command is sent, whose payload it is. -1: an exception. */
static int note_begin(PyObject **own, PyObject *payload)
{
    Py_ssize_t commands = PyLong_AsSsize_t(own[COMMANDS]);
    if (PyErr_Occurred())
        return -1;
    PyObject *number = PyLong_FromSsize_t(commands + 1), *items[3] = {payload, own[STATUS], own[STATUS_KNOWN]};
    for (int i = 0; i < 3; i++)
        Py_IncRef(items[i]);
    PyObject *sent = tuple_of(items, 3);
    if (!number || !sent) {
        if (number)
            Py_DecRef(number);
        if (sent)
            Py_DecRef(sent);
        return -1;
    }
    put(&own[COMMANDS], number);
    put(&own[SENT], sent);
    put_shared(&own[SENT_WHOLE], Py_False);
    put_shared(&own[ANSWERING], Py_True);
    return 0;
}

/* Send a command and return the first bytes of its answer, with `*received`; else what usual() returns. */
static PyObject *sent_and_received(PyObject **own, PyObject *ready, const char *payload, Py_ssize_t size, int *received)
{
    PyObject *found = called(PyTuple_GetItem(ready, 1), packet(payload, size));
    if (!found)
        return PyErr_GetRaisedException();
    Py_ssize_t sent = PyLong_AsSsize_t(found);
    if (sent != HEADER + size) {
        if (!PyErr_Occurred())
            return found;
        Py_DecRef(found);
        return PyErr_GetRaisedException();
    }
    Py_DecRef(found);
    put_shared(&own[SENT_WHOLE], Py_True);
    PyObject *most = PyTuple_GetItem(ready, 3);
    found = PyObject_Vectorcall(PyTuple_GetItem(ready, 2), &most, 1, NULL);
    *received = found != NULL;
    return found ? found : PyErr_GetRaisedException();
}

/* Take the status that an answer has, as answer() has read it. 0: it says what is looked at in Python. */
static int take_status(Exchange *exchange, PyObject *read)
{
    PyObject **own = exchange->objects, *status = PyTuple_GetItem(read, PyTuple_Size(read) - 2);
    if (PyLong_AsSsize_t(status) & STATE_CHANGED)
        return 0;
    put_shared(&own[STATUS], status);
    put_shared(&own[STATUS_KNOWN], Py_True);
    put(&own[SENT], none());
    put_shared(&own[ANSWERING], Py_False);
    exchange->last_used = now(CLOCK_REALTIME);
    return 1;
}

/* The exchange itself, with what it needs of the connection, which is not `ready` meanwhile. `*usual`: it has ended as it should. */
static PyObject *exchanged(Exchange *exchange, PyObject *ready, PyObject *given_payload, PyObject *known, int *usual)
{
    PyObject **own = exchange->objects, *found, *ok_ends_rows;
    char *payload;
    Py_ssize_t size;
    int received = 0;
    if (PyBytes_AsStringAndSize(given_payload, &payload, &size) || !(ok_ends_rows = PyTuple_GetItem(ready, 4)))
        return NULL;
    int came = has_come(ready);
    if (came)
        return came > 0 ? none() : NULL;
    if (note_begin(own, given_payload))
        return NULL;
    found = sent_and_received(own, ready, payload, size, &received);
    if (!received || (known != Py_None && ok_ends_rows != Py_True))
        return found; /* also: where an EOF packet ends rows, as on old servers, which is read in Python */
    PyObject *read = answer(known, found);
    *usual = read && read != Py_None && take_status(exchange, read);
    if (*usual || !read) {
        Py_DecRef(found);
        return read;
    }
    Py_DecRef(read);
    return found;
}

/* Whether an exchange of a command of that size can be tried: `limits` and `part` are those for which the socket's time-out is set. */
static int is_possible(Exchange *exchange, Py_ssize_t size, PyObject *limits, double part)
{
    PyObject **own = exchange->objects;
    for (int i = 0; i < OBJECTS; i++)
        if (!own[i])
            return 0;
    if (own[READY] == Py_None || own[ANSWERING] != Py_False || size > AT_ONCE || limits == Py_None || limits != own[LIMITS] || part > exchange->part)
        return 0;
    if (exchange->until < __builtin_inf()) {
        exchange->began = now(CLOCK_MONOTONIC);
        return exchange->began < exchange->until;
    }
    return 1;
}

/* usual(payload, known, limits, part): send a command and return its answer, where both is usual.

   A tuple is the whole answer: (affected rows, AUTO_INCREMENT value, status, warnings) of an OK packet; with `known`, which is not None,
   (rows, status, warnings) of a result: see result(). For all else the answer is still to be read. None: nothing was done. An int: so many
   bytes of the command's packet were sent, and no more. Bytes: these came first of the answer. An exception: a call on the socket has raised
   it; `_sent_whole` says whether that was after the command was sent. */
static PyObject *usual(PyObject *self, PyObject *const *given, Py_ssize_t number)
{
    Exchange *exchange = (Exchange *)self;
    char *payload;
    Py_ssize_t size;
    if (counted(number, 4) || PyBytes_AsStringAndSize(given[0], &payload, &size))
        return NULL;
    double part = PyFloat_AsDouble(given[3]);
    if (PyErr_Occurred())
        return NULL;
    if (!is_possible(exchange, size, given[2], part))
        return none();
    PyObject *ready = exchange->objects[READY];
    exchange->objects[READY] = none();
    int ended = 0;
    PyObject *found = exchanged(exchange, ready, given[0], given[1], &ended);
    if (ended)
        put(&exchange->objects[READY], ready);
    else
        Py_DecRef(ready);
    return found;
}

/* -- the type ---------------------------------------------------------------------------------------------------------------------- */

static int traverse(PyObject *self, visitproc visit, void *argument)
{
    PyObject *visited[OBJECTS + 1] = {(PyObject *)self->ob_type};
    for (int i = 0; i < OBJECTS; i++)
        visited[i + 1] = ((Exchange *)self)->objects[i];
    for (int i = 0; i <= OBJECTS; i++) {
        int result = visited[i] ? visit(visited[i], argument) : 0;
        if (result)
            return result;
    }
    return 0;
}

static int clear(PyObject *self)
{
    for (int i = 0; i < OBJECTS; i++)
        put(&((Exchange *)self)->objects[i], NULL);
    return 0;
}

static void deallocate(PyObject *self)
{
    PyTypeObject *type = self->ob_type;
    PyObject_GC_UnTrack(self);
    clear(self);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DecRef((PyObject *)type);
}

#define OBJECT(name, place) {name, Py_T_OBJECT_EX, offsetof(Exchange, objects) + sizeof(PyObject *) * place, 0, NULL}
#define NUMBER(name, place) {name, Py_T_DOUBLE, offsetof(Exchange, place), 0, NULL}

static PyMemberDef members[] = {
    OBJECT("_answering", ANSWERING),
    OBJECT("commands", COMMANDS),
    OBJECT("_limits", LIMITS),
    OBJECT("ready", READY),
    OBJECT("_sent", SENT),
    OBJECT("_sent_whole", SENT_WHOLE),
    OBJECT("status", STATUS),
    OBJECT("status_known", STATUS_KNOWN),
    NUMBER("_began", began),
    NUMBER("last_used", last_used),
    NUMBER("_part", part),
    NUMBER("_until", until),
    {NULL, 0, 0, 0, NULL},
};

static PyMethodDef methods[] = {
    {"quiet", quiet, METH_NOARGS, NULL},
    {"_usual", (PyCFunction)(void *)usual, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_clear, (void *)clear},
    {Py_tp_dealloc, (void *)deallocate},
    {Py_tp_members, members},
    {Py_tp_methods, methods},
    {Py_tp_traverse, (void *)traverse},
    {0, NULL},
};

PyType_Spec exchange_type = {
    "rdspool._driver._compiled.Exchange", sizeof(Exchange), 0, Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots,
};
