"""The list of files to make."""

CASES = {}


def case(name, must, note, **more):
    """Registers the function that returns a file's bytes, or (bytes, contents)."""

    def register(make):
        CASES[name] = (must, note, make, more)
        return make

    return register
