"""Order by predecessors: right for any insertions and deletions, and for predecessors that come late."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from realtime_raw.protocol.item_order import MAX_GONE, ItemOrder


def order(*ids: str) -> ItemOrder:
    made = ItemOrder()
    for item_id in ids:
        made.append(item_id)
    return made


def test_places() -> None:
    """Head, middle, tail; `place` and `append` say what got a place."""
    found = ItemOrder()
    assert found.place("b", None) == ("b",)
    assert found.place("a", None) == ("a",)
    assert found.place("d", "b") == ("d",)
    assert found.place("c", "b") == ("c",)
    assert found.append("e") == ("e",)
    assert found.append("e") == ()
    assert list(found) == ["a", "b", "c", "d", "e"]
    assert (len(found), found.last) == (5, "e")
    assert [found.before(item_id) for item_id in found] == [None, "a", "b", "c", "d"]
    assert "c" in found
    assert "x" not in found
    assert None not in found
    assert found.before("x") is None


def test_the_tuple_is_kept_until_something_moves() -> None:
    """Reading the order again costs nothing."""
    found = order("a", "b")
    assert found.ids() is found.ids()
    found.place("c", "b")
    assert found.ids() == ("a", "b", "c")


def test_moving() -> None:
    """A second word on a known id moves it and announces nothing new; behind itself is the tail."""
    found = order("a", "b", "c")
    assert found.place("c", None) == ()
    assert list(found) == ["c", "a", "b"]
    assert found.place("a", "a") == ()
    assert list(found) == ["c", "b", "a"]
    assert found.place("b", "c") == ()
    assert list(found) == ["c", "b", "a"]
    found.place("b", "x")
    assert (list(found), found.waiting) == (["c", "a"], ("b",))
    found.place("b", "y")
    assert found.before("b") == "y"
    assert found.place("x", None) == ("x",)
    assert found.place("y", None) == ("y", "b")


def test_waiting() -> None:
    """Those behind an unknown id stand as the server put them, once it comes."""
    found = order("a")
    assert found.place("x", "p") == ()
    assert found.place("y", "p") == ()
    assert found.place("z", "x") == ()
    assert found.waiting == ("x", "y", "z")
    assert (len(found), list(found), "x" in found, found.before("z")) == (1, ["a"], False, "x")
    assert found.place("p", "a") == ("p", "x", "z", "y")
    # x came first and y was then put between p and x.
    assert list(found) == ["a", "p", "y", "x", "z"]
    assert list(found.waiting) == []


def test_removing_what_is_waited_for() -> None:
    """Heirs of a waiting id take over its wait and its turn; heirs of a stranger go to the tail."""
    found = order("a")
    for item_id, after in (("x", "p"), ("z", "p"), ("y1", "x"), ("y2", "x")):
        found.place(item_id, after)
    assert found.remove("x") == ()
    assert found.before("y1") == "p"
    found.place("p", "a")
    # As if all had been seen: p x, p z x, p z x y1, p z x y2 y1, less x.
    assert list(found) == ["a", "p", "z", "y2", "y1"]
    found.place("k", "q")
    found.place("l", "q")
    found.place("m", "k")
    assert found.remove("q") == ("l", "k", "m")
    assert list(found)[-3:] == ["l", "k", "m"]
    found.place("n", "r")
    found.place("o", "r")
    assert found.remove("n") == ()
    assert found.place("r", None) == ("r", "o")


def test_nonsense_does_not_hang() -> None:
    """Ids that wait for each other, until one is removed."""
    found = order("a")
    found.place("x", "y")
    found.place("y", "x")
    assert found.waiting == ("x", "y")
    assert found.remove("x") == ("y",)
    assert list(found) == ["a", "y"]


def test_removed_ids_are_remembered_for_a_while() -> None:
    """Until they come back, or too many others went."""
    found = order("a", "b")
    found.remove("a")
    found.remove("never")
    assert list(found) == ["b"]
    assert found.is_gone("a")
    assert found.is_gone("never")
    found.place("a", "b")
    assert not found.is_gone("a")
    found.place("never", "unknown")
    assert not found.is_gone("never")
    for number in range(MAX_GONE + 1):
        found.remove(f"n{number}")
    assert not found.is_gone("n0")
    assert found.is_gone("n1")


def test_what_nobody_placed_is_older_than_what_was_added() -> None:
    """Behind what hangs on the head, before the rest; the later found, the earlier."""
    found = ItemOrder()
    found.place("new", "p")
    assert found.place_adrift("p") == ("p", "new")
    found.place("rule", None)
    found.place("note", "rule")
    assert found.place_adrift("old") == ("old",)
    assert list(found) == ["rule", "note", "old", "p", "new"]
    found.remove("old")
    found.place_adrift("older")
    assert list(found) == ["rule", "note", "older", "p", "new"]


Moves = st.lists(st.tuples(st.sampled_from("hmtrx"), st.integers(min_value=0)), max_size=60)


def played(moves: list[tuple[str, int]]) -> Iterator[tuple[ItemOrder, list[str]]]:
    """Moves on an order and on a plain list: head, middle, tail, remove, move."""
    found, model = ItemOrder(), list[str]()
    for number, (move, where) in enumerate(moves):
        item_id = f"i{number}"
        at = where % (len(model) + 1)
        if move == "h":
            found.place(item_id, None)
            model.insert(0, item_id)
        elif move == "t":
            found.append(item_id)
            model.append(item_id)
        elif move == "m":
            found.place(item_id, model[at - 1] if at else None)
            model.insert(at, item_id)
        elif move == "r" and model:
            assert found.remove(model.pop(where % len(model))) == ()
        elif move == "x" and len(model) > 1:
            moved = model.pop(where % len(model))
            after = model[where % len(model)]
            assert found.place(moved, after) == ()
            model.insert(model.index(after) + 1, moved)
        yield found, model


@given(Moves)
def test_against_a_plain_list(moves: list[tuple[str, int]]) -> None:
    """After every move, the same order, the same neighbours, the same end."""
    for found, model in played(moves):
        assert list(found) == model
        assert len(found) == len(model)
        assert found.last == (model[-1] if model else None)
        assert [found.before(item_id) for item_id in model] == [None, *model][: len(model)]


@given(st.permutations([f"i{number}" for number in range(8)]))
def test_a_chain_comes_out_right_in_any_order_of_arrival(arrival: list[str]) -> None:
    """Each id knows its predecessor; when all have come, none waits."""
    found = ItemOrder()
    placed: list[str] = []
    for item_id in arrival:
        number = int(item_id[1:])
        placed += found.place(item_id, f"i{number - 1}" if number else None)
    assert list(found) == [f"i{number}" for number in range(8)]
    assert sorted(placed) == list(found)
    assert found.waiting == ()


def test_a_long_wait_does_not_recurse() -> None:
    """Ten thousand ids, each waiting for the next."""
    found = ItemOrder()
    for number in range(10_000, 0, -1):
        found.place(f"i{number}", f"i{number - 1}")
    assert len(found.place("i0", None)) == 10_001
    assert found.last == "i10000"
