"""
A loop in a thread that is said to wait, or to have nothing to do: no request is seen to run, and nobody below it gets any time.
"""

from harness import test

from test_patience import LOOP, MS, SLOW_INSTRUCTIONS, Scene
from trials.places import symbol

STARVED_MS = 1500


def register_starved(name, server, function, typed):
    @test(f"micro/starved-by-{name}", quick=True)
    def check(work):
        with Scene(SLOW_INSTRUCTIONS) as scene:
            guest, begin = scene.guest, len(scene.guest.output)
            scene.come_to(server, function, typed)
            scene.gdb.write(symbol(server, function), LOOP)
            since = guest.guest_nanoseconds()
            scene.come_to(server, "_start")
            passed = (guest.guest_nanoseconds() - since) // MS
            scene.gdb.go()
            guest.expect(rf"^\[sup\] {server}: restarted, generation 2\b", 20, begin)
            guest.send("echo alive")
            guest.expect(r"^(\$ )*alive$", 20, begin)
            work.matches(guest.output[begin:], rf"^\[sup\] {server}: hangs: all below it get no time$", "what is said")
            work.absent(guest.output[begin:], rf"\[sup\] (?!{server}).*", "somebody else is blamed")
            work.check(passed <= STARVED_MS, f"after {passed} ms")
        return f"after {passed} ms"


register_starved("console-input", "console", "server_pause_until", b"")
register_starved("a-block-that-waits", "block", "server_pause_until", b"cat echo | wc\n")
register_starved("a-call-of-fs", "fs", "service_ecall_place", b"cat echo | wc\n")
