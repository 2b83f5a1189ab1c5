#!/usr/bin/python3
"""
Stands in for QEMU in the tests of `duo` itself: prints what a guest would print and ends as QEMU would end.

DUO_FAKE chooses the guest: "shell" (a prompt that knows the words below), "silent" (never says anything), "broken" (a QEMU
that refuses its command line), "chatty" (supervisor lines behind each prompt).
"""

import os
import sys
import time

PANIC = ("panic: mappages: remap\n  in fake_fault+0x4, pid 3 sh, hart 0\n"
         "  called by fake_caller+0xc fake_caller+0xb fake_caller+0x8 unknown_function+0x2\n  lost: everything\n")


def say(text):
    sys.stdout.write(text)
    sys.stdout.flush()


def stay():
    while True:
        time.sleep(60)


def main(guest, kernel):
    if guest == "broken":
        sys.exit("fake-qemu: no such machine")
    if guest == "silent":
        stay()
    say("OpenSBI\r\ninit: starting sh\r\n$ ")
    for line in sys.stdin:
        say(line)
        word, _, rest = line.strip().partition(" ")
        if word == "echo":
            say(rest + "\n")
        elif word == "name":
            say(kernel + "\n")
        elif word == "slow":  # a prompt's text in the middle of the output is no prompt
            say("price: 5$ \n$ is no prompt\n")
            time.sleep(0.3)
            say("done\n")
        elif word == "unfinished":
            say("no newline")
        elif word == "panic":
            say(PANIC)
            sys.exit(10)
        elif word == "halt":
            say(PANIC)
            stay()
        elif word == "hang":
            stay()
        elif word == "exit":
            sys.exit(int(rest))
        say("$ ")
        if guest == "chatty":
            say("\n[sup] xmap: died: x\n[sup] xmap: restarted, generation 2, after 3 us\n")


kernel = sys.argv[sys.argv.index("-kernel") + 1]
main(os.environ.get("DUO_FAKE", "shell"), "micro" if os.path.basename(kernel).startswith("micro") else "mono")
