"""What a system on Kafka published, beside what its recording gives when it is played into fresh components."""

from __future__ import annotations

from collections import Counter, defaultdict

from msgspec import Struct

from tightloop.assembly import build
from tightloop.assembly.config import Config
from tightloop.client.reader import Received, TopicReader
from tightloop.client.recordings import Recorded
from tightloop.records.topics import all_topics, contract_of
from tightloop.runners.kafka.restore import INPUTS_HEADER
from tightloop.runners.kafka.settings import KafkaSettings
from tightloop.runners.recording.replay import Replay
from tightloop.runners.state import parse_changelog_key

FROM_OUTSIDE = {"instructions", "control", "market_data", "recordings"}

Bytes = tuple[bytes | None, bytes | None, tuple[tuple[str, bytes], ...]]  # key, value, headers but `inputs`
Published = dict[tuple[str, int], list[Bytes]]  # by topic and partition
State = dict[tuple[str, int], dict[tuple[str, str], bytes]]  # by changelog and partition


class Course(Struct, frozen=True):
    """What came of it. ``published``: in their order, by writer: each partition of each component is one."""

    published: list[Published]
    state: State


def on_topics(config: Config) -> Course:
    settings = KafkaSettings(bootstrap=config.bootstrap, prefix=config.prefix)
    published: Published = defaultdict(list)
    state: State = defaultdict(dict)
    names = [one.name for one in all_topics(config.lanes) if one.name not in FROM_OUTSIDE]
    with TopicReader(settings, names) as reader:
        for one in reader.to_end():
            place = (one.topic, one.partition)
            if contract_of(one.topic).visibility != "state":
                published[place].append(_bytes_of(one))
            elif one.value is None:
                state[place].pop(parse_changelog_key(one.key or b""), None)
            else:
                state[place][parse_changelog_key(one.key or b"")] = one.value
    return Course([published], state)


def _bytes_of(one: Received) -> Bytes:
    return one.key, one.value, tuple(header for header in one.headers if header[0] != INPUTS_HEADER)


def played(recorded: Recorded, config: Config, partitions: int) -> Course | str:
    """Into components that know nothing. What is wrong with a recording that does not fit."""
    handlers = [build.make_handler(*one, config) for one in build.every_component(config)]
    replay = Replay(handlers, partitions, recorded.record)
    published: defaultdict[tuple[str, int], Published] = defaultdict(lambda: defaultdict(list))
    try:
        for commit in recorded.commits:
            for out in replay.play(commit).outputs:
                place = (out.topic, contract_of(out.topic).partition_from(commit.partition))
                published[commit.component, commit.partition][place].append((out.key, out.value, out.headers))
    except ValueError as error:
        return str(error)
    places = [(one, partition) for one in handlers for partition in range(partitions)]
    state = {(one.changelog, partition): replay.entries(one.name, partition) for one, partition in places}
    return Course(list(published.values()), state)


def differences(course: Course | str, there: Course) -> list[str]:
    """Each record exactly as often, each writer's in its order; and the last of each entry of the state."""
    if isinstance(course, str):
        return [course]
    (actual,) = there.published
    told = []
    for place in {place for one in (*course.published, actual) for place in one}:
        writers = [one[place] for one in course.published if place in one]
        if Counter(record for writer in writers for record in writer) != Counter(actual.get(place, ())):
            told.append(f"{place}: other records")
        elif not all(_in_this_order(writer, actual[place]) for writer in writers):
            told.append(f"{place}: another order")
    for place, entries in there.state.items():
        if course.state.get(place) != entries:
            told.append(f"{place}: another state")
    return told


def _in_this_order(some: list[Bytes], every: list[Bytes]) -> bool:
    rest = iter(every)
    return all(one in rest for one in some)
