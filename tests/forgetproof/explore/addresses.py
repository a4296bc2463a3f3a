"""An address that is read again after every name that changes, as a reload of the page would."""


class Address(dict):
    """Names and texts with the methods of the page's address; ``read`` is called with it after each change."""

    to_dict = dict.copy

    def __init__(self, read, **given):
        super().__init__(given)
        self.read, self.last = read, None

    def set(self, name, value):
        self[name] = value
        self.last = self.read(self)

    def remove(self, name):
        del self[name]
        self.last = self.read(self)
