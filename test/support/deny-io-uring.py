"""Runs a command in a world where io_uring_setup fails, as under a container's seccomp profile.

usage: deny-io-uring.py ERRNO COMMAND [ARGUMENT...]
"""
import ctypes
import os
import platform
import struct
import sys

PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
RET_ERRNO, RET_ALLOW = 0x00050000, 0x7FFF0000
IO_URING_SETUP = 425  # the same number on every architecture

assert platform.system() == "Linux"


def instruction(code, yes, no, value):
    return struct.pack("HBBI", code, yes, no, value)


program = b"".join(
    [
        instruction(LOAD_WORD, 0, 0, 0),  # the number of the system call
        instruction(JUMP_IF_EQUAL, 0, 1, IO_URING_SETUP),
        instruction(RETURN, 0, 0, RET_ERRNO | int(sys.argv[1])),
        instruction(RETURN, 0, 0, RET_ALLOW),
    ]
)
code = ctypes.create_string_buffer(program)
header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(code))
libc = ctypes.CDLL(None, use_errno=True)
if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
    sys.exit("prctl(PR_SET_NO_NEW_PRIVS) failed")
if libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0) != 0:
    sys.exit(f"prctl(PR_SET_SECCOMP) failed: {os.strerror(ctypes.get_errno())}")
os.execvp(sys.argv[2], sys.argv[2:])
