from tasks.data.phi.spans import Cover


def fold(t):
    return t


def find(t, c):
    pass


def repeat(t, c):
    pass
