"""
How long a test may take, and which tests are long ones: what run.py reads from the functions that @test registered.

A long test is run with --long only. It is declared by @long(seconds), or has a name that ends in -long and is not quick.
@limit(seconds) gives another test more time than run.py's default.
"""

DEFAULT_SECONDS = 300
LONG_SECONDS = 3600


def limit(seconds):
    """At most so long, then the test has failed. Written below @test."""
    def mark(function):
        function.limit = seconds
        return function
    return mark


def long(seconds=LONG_SECONDS):
    """Not among the usual tests; at most so long. Written below @test."""
    def mark(function):
        function.limit = seconds
        function.long = True
        return function
    return mark


def is_long(name, function, quick):
    return getattr(function, "long", False) or (name.endswith("-long") and not quick)


def seconds(name, function, quick):
    return getattr(function, "limit", LONG_SECONDS if is_long(name, function, quick) else DEFAULT_SECONDS)
