"""What tests of the command line share."""


def one_line(err: str) -> str:
    assert err.startswith("forgetproof: "), err
    assert err.count("\n") == 1, err
    return err
