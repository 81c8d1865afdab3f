"""What the test scripts count: check() for each promise, totals() at the end."""
passed = failed = 0


def check(name, ok, detail=""):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print(f"FAIL {name}: {detail}")


def totals(empty=1):
    """Prints them, and returns the exit status; `empty` is that of no check at all."""
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0 if passed else empty
