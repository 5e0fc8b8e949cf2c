"""Keys by the partition they belong to."""

from __future__ import annotations

from tightloop.runners.partitioner import partition_of


def keys_by_partition(partitions: int, each: int = 4) -> dict[int, list[str]]:
    """``each`` strategy ids for every partition."""
    found: dict[int, list[str]] = {partition: [] for partition in range(partitions)}
    number = 0
    while any(len(keys) < each for keys in found.values()):
        key = f"key-{number}"
        keys = found[partition_of(key.encode(), partitions)]
        if len(keys) < each:
            keys.append(key)
        number += 1
    return found
