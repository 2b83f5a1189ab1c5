"""The host side of Duo: it starts guests, types at them, and says what came of it. Entry: cli.py; core: guest.py."""
