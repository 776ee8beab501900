"""Runs a command in a world where a system call fails.

usage: deny.py io-uring ERRNO COMMAND [ARGUMENT...]   io_uring_setup fails, as under a container's seccomp profile
       deny.py ipv6 COMMAND [ARGUMENT...]             socket(AF_INET6, ...) fails, on a machine that knows no IPv6
"""
import ctypes
import errno
import os
import platform
import socket
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
RET_ERRNO, RET_ALLOW = 0x00050000, 0x7FFF0000
NUMBER, FIRST_ARGUMENT = 0, 16  # offsets in struct seccomp_data
SOCKET = {"x86_64": 41, "aarch64": 198}[platform.machine()]
IO_URING_SETUP = 425  # the same number on every architecture


def fails_with(error, *conditions):
    """A filter: the call fails where each (offset, value) of its seccomp_data is so."""
    program = []
    for met, (offset, value) in enumerate(conditions):
        to_the_end = 2 * (len(conditions) - met) - 1
        program.append((LOAD_WORD, 0, 0, offset))
        program.append((JUMP_IF_EQUAL, 0, to_the_end, value))
    program.append((RETURN, 0, 0, RET_ERRNO | error))
    program.append((RETURN, 0, 0, RET_ALLOW))
    return b"".join(struct.pack("HBBI", *instruction) for instruction in program)


what, *rest = sys.argv[1:]
if what == "io-uring":
    program = fails_with(int(rest.pop(0)), (NUMBER, IO_URING_SETUP))
elif what == "ipv6":
    program = fails_with(errno.EAFNOSUPPORT, (NUMBER, SOCKET), (FIRST_ARGUMENT, socket.AF_INET6))
else:
    sys.exit(__doc__)
code = ctypes.create_string_buffer(program)
header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
    sys.exit("prctl(PR_SET_NO_NEW_PRIVS) failed")
if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0) != 0:
    sys.exit(f"prctl(PR_SET_SECCOMP) failed: {os.strerror(ctypes.get_errno())}")
os.execvp(rest[0], rest)
