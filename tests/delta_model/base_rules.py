#!/usr/bin/env python3
"""The rules of who holds which base, as a program: what the server does and what clients see.

    base_rules.py check [FIRST] COUNT    runs seeds and judges what every client saw
    base_rules.py trace [FIRST] COUNT    writes the server's part of each seed as JSON lines

A seed is a random sequence of operations: publishing, delivering, reading, subscribing, switching,
filtering, errors, restarts. `check` proves that the rules hold for two decoders of different
temper; the lines of `trace` are what tests/delta_model/replay.cc puts the product through, with
every frame that a subscriber must get. A delta is modelled as a pair (base, target).
"""
import collections
import json
import random
import re
import sys
from types import SimpleNamespace

ALGORITHMS = ("fossil", "xdelta3")
MEMBERS = ("__delta_seq", "__conflation_key")
KEYS = ("AAPL", "_", 'q"\\', None, "%5F")  # by symbol
FILTERS = (None, frozenset((0, 1)), frozenset((1, 2, 3)), frozenset((3,)))
KINDS = ("normal",) * 24 + ("small", "small", "empty", "zero", "member", "escaped", "named",
                            "reserved", "client")
SUSPENDED_MESSAGES = 2
LOOPS = 2


class Violation(Exception):
    """A client saw what it should not have seen."""


def resolve(text):
    return re.sub(r"\\u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)


def wire_key(value):
    if not value:
        return "_"
    if value == "_":
        return "%5F"
    return re.sub(r'[%"\\\x00-\x1f]', lambda found: "%%%02X" % ord(found[0]), value)


def quoted(text):
    return json.dumps(text, ensure_ascii=False)


# --- the server ------------------------------------------------------------------------------

class Message:
    """An immutable message; `place` is decided once, at its entry."""

    def __init__(self, mid, channel, symbol, kind):
        self.mid, self.channel, self.symbol, self.kind = mid, channel, symbol, kind
        self.event = {"reserved": "pusher:note", "client": "client-x",
                      "named": "e%d__conflation_key" % mid}.get(kind, "e%d" % mid)
        pad = lambda length: ',"id":%d,"pad":"%s"}' % (mid, "x" * length)
        self.data = {"small": '{"a":0' + pad(150), "empty": "", "zero": 0,
                     "member": '{"__delta_seq":3' + pad(150),
                     "escaped": '{"__delta\\u005fseq":3' + pad(150)}.get(kind, '{"a":0' + pad(350))
        self.data_json = json.dumps(self.data)
        self.text = '{"event":%s,"channel":"%s","data":%s}' % (
            quoted(self.event), channel, self.data_json)
        self.verdict, self.exclude, self.wish, self.pays = "local", None, None, ALGORITHMS
        self.chained, self.due, self.base, self.chain_id = False, False, None, None

    def decide_place(self):
        inner = self.data if isinstance(self.data, str) else ""
        found = any(member in resolve(inner) or member in resolve(self.text) for member in MEMBERS)
        is_small = self.kind in ("small", "member", "escaped") and not self.wish
        outside = not self.data or self.kind == "reserved"
        self.inside = not outside and (found or not (is_small or self.kind == "client"))
        self.never_base = found
        self.forced = self.wish is False or found


class Chain:
    def __init__(self, chain_id, slot):
        self.id, self.slot = chain_id, slot
        self.head, self.passes, self.since, self.unpaid = None, set(), 0, 0


class Home:
    """One channel's record on its home loop; its numbers live as long as it does."""

    def __init__(self, world, channel):
        self.world, self.channel, self.keyed = world, channel, world.keyed[channel]
        self.next, self.started, self.log = 1, 0, []
        self.chains = collections.OrderedDict()  # least recently used first
        self.slots, self.free = 0, []
        self.suspended, self.members = {}, {}
        self.filter_ids, self.last_passed = {}, {}

    def release(self, message):
        message.seq, self.next = self.next, self.next + 1
        message.passes = {i for f, i in self.filter_ids.items() if message.symbol in f}
        self.log.append(message)
        value = KEYS[message.symbol] if message.symbol < len(KEYS) else "S%d" % message.symbol
        if message.inside and self.members:  # without anybody to hear it, it is only numbered
            self.enter(message, wire_key(value) if self.keyed else None)

    def enter(self, message, key):
        if self.suspended.get(key):
            self.suspended[key] -= 1
            return
        self.started += 1
        chain = self.chains.pop(key, None)
        if chain is None:
            slot = self.free.pop() if self.free else self.slots
            self.slots = max(self.slots, slot + 1)
            chain = Chain(self.started, slot)
        self.chains[key] = chain
        message.chained, message.key, message.base = True, key, chain.head
        message.chain_id, message.slot = chain.id, chain.slot
        message.base_passes = set(chain.passes)
        message.last_for = {i: self.last_passed.get(i) for i in message.passes}
        by_count = not chain.head or chain.since + 1 >= self.world.cfg.interval
        by_rule = {"full": True, "delta": False}.get(message.verdict, by_count)
        message.due = message.forced or by_rule
        chain.since = 0 if by_rule else chain.since + 1  # whoever decided it
        chain.head, chain.passes = message, set(message.passes)
        self.last_passed.update((i, message) for i in message.passes)
        is_unpaid = message.base and not message.due and not message.pays
        chain.unpaid = chain.unpaid + 1 if is_unpaid else 0
        if chain.unpaid >= 2:
            self.suspended[key] = SUSPENDED_MESSAGES
        if chain.unpaid >= 2 or message.never_base:
            self.evict(key)
        while len(self.chains) > self.world.cfg.keys_max:
            self.evict(next(iter(self.chains)))

    def evict(self, key):
        chain = self.chains.pop(key, None)
        if chain is not None:
            self.free.append(chain.slot)
            self.last_passed.clear()

    def become_keyed(self):
        self.keyed = True
        self.evict(None)

    def choose(self, sub, chosen):
        self.members[sub] = chosen
        for f in [f for f in self.filter_ids if f not in self.members.values()]:
            del self.filter_ids[f]
        if chosen is None or chosen in self.filter_ids:
            return self.filter_ids.get(chosen)
        new = next(i for i in range(99) if i not in self.filter_ids.values())
        self.filter_ids[chosen] = new
        self.last_passed.pop(new, None)
        for chain in self.chains.values():
            (chain.passes.add if chain.head.symbol in chosen else chain.passes.discard)(new)
        return new

    def start(self, sub):
        """All bases that the filter lets through, or none; and from where on bases count."""
        chosen, cfg = self.members[sub], self.world.cfg
        heads = {key: chain.head for key, chain in self.chains.items()
                 if chosen is None or chain.head.symbol in chosen}
        has_bases = self.keyed and cfg.wants_bases
        size = sum(len(key) + len(m.text) for key, m in heads.items()) if has_bases else 0
        counts = has_bases and size <= cfg.sync_bytes_max
        states = {key: (m.seq, m.text) for key, m in heads.items()} if counts else {}
        return SimpleNamespace(joined=1 if counts else self.next, counts=counts,
                               keyed=self.keyed, states=states)


class Subscription:
    """One channel for one connection on its loop's hub."""

    def __init__(self, number, conn, channel, gen, want):
        self.number, self.conn, self.channel, self.gen, self.want = number, conn, channel, gen, want
        self.algorithm = self.filter_id = None
        self.cursor = self.joined = self.pending = 0
        self.started = self.closed = self.slow = self.deferred = self.forgot = False
        self.behind, self.marks = set(), collections.deque()

    def wanted(self):
        if self.want is None:
            return self.conn.delta
        return self.want if self.want in ALGORITHMS else None

    def live(self):
        return bool(self.algorithm) and not self.pending

    def passes(self, message):
        return self.filter_id is None or self.filter_id in message.passes

    def is_named(self):
        """The algorithm stands in frames unless every confirmation named this one."""
        return not (self.conn.world.cfg.omit_algorithm and
                    set(self.conn.confirmed) == {self.algorithm})

    def form_class(self):
        if not self.algorithm:
            return 255
        return ALGORITHMS.index(self.algorithm) + (0 if self.is_named() else 2)


class World:
    def __init__(self, cfg, clients=3):
        self.cfg, self.mids, self.subs_made, self.out = cfg, 0, 0, []
        self.gens, self.all_homes = [], []
        self.keyed = {"k": True, "u": False}
        self.clients = []
        self.boot()
        self.clients = [Client(self, i) for i in range(clients)]
        self.say("config", cfg.interval, cfg.keys_max, cfg.behind_slots_max, cfg.wants_bases,
                 cfg.sync_bytes_max)

    def say(self, *line):
        self.out.append(line)

    def boot(self):
        self.homes, self.cache = {}, {}
        self.mail = [collections.deque() for _ in range(LOOPS)]
        self.inbox = {c: collections.deque() for c in self.keyed}
        self.fifo = {c: collections.deque() for c in self.keyed}
        self.logs = [{c: [] for c in self.keyed} for _ in range(LOOPS)]

    def home(self, channel):
        if channel not in self.homes:
            self.homes[channel] = Home(self, channel)
            self.all_homes.append(self.homes[channel])
        return self.homes[channel]

    def drop_if_unused(self, channel):
        home = self.homes.get(channel)
        if home and not home.members and not self.fifo[channel]:
            del self.homes[channel]

    # What arrives from publishers.

    def publish(self, channel, symbol, kind="normal", exclude=None, wish=None, pays=ALGORITHMS,
                waits=False):
        self.mids += 1
        message = Message(self.mids, channel, symbol, kind)
        message.exclude, message.wish, message.pays = exclude, wish, pays
        message.verdict = "wait" if waits else "local"
        message.decide_place()
        is_new = channel not in self.homes
        self.home(channel)
        self.fifo[channel].append(message)
        value = KEYS[symbol] if symbol < len(KEYS) else "S%d" % symbol
        self.say("publish", channel, message.mid, value or "", symbol, message.event,
                 message.data_json, kind == "client", wish, -1 if exclude is None else exclude,
                 [a in pays for a in ALGORITHMS])
        if is_new:
            self.say("record", channel)

    def verdict(self, channel, which, verdict):
        waiting = [(i, m) for i, m in enumerate(self.fifo[channel]) if m.verdict == "wait"]
        for index, message in waiting[which:which + 1]:
            message.verdict = verdict
            self.say("verdict", channel, index, verdict)

    def release(self, channel):
        fifo, verdicts = self.fifo[channel], []
        while fifo and fifo[0].verdict != "wait":
            message = fifo.popleft()
            verdicts.append(message.verdict)
            home = self.homes[channel]
            home.release(message)
            self.cache[channel] = message
            loops = {sub.conn.loop for sub in home.members}
            for loop in sorted(loops):
                self.mail[loop].append(("message", message))
        if verdicts:
            self.say("release", channel, verdicts)
            self.drop_if_unused(channel)

    # What the home loop is asked, in order.

    def request(self, channel):
        if not self.inbox[channel]:
            return
        kind, sub, chosen, starts = self.inbox[channel].popleft()
        home = self.homes.get(channel)
        if kind == "leave":
            if home and home.members.pop(sub, "absent") != "absent":
                self.say("leave", sub.number)
                self.drop_if_unused(channel)
            return
        if kind != "subscribe" and (home is None or sub not in home.members):
            return
        is_new = home is None
        home = self.home(channel)
        if kind == "subscribe":
            sub.gen.home, sub.gen.first, sub.gen.cached = home, home.next, self.cache.get(channel)
        filter_id = None
        if kind != "start":
            sub.gen.filters.append((home.next, chosen))
            filter_id = home.choose(sub, chosen)
        answer = SimpleNamespace(seq=home.next, filter_id=filter_id,
                                 start=home.start(sub) if starts else None)
        self.say(kind, sub.number, sorted(chosen) if chosen else None, starts)
        if is_new:
            self.say("record", channel)
        self.mail[sub.conn.loop].append((kind, (sub, answer)))

    def settings(self, channel, keyed):
        self.keyed[channel] = keyed
        self.say("settings", channel, keyed)
        if keyed and channel in self.homes:
            self.homes[channel].become_keyed()

    def idle(self):
        self.say("idle")
        for home in self.homes.values():
            for key in list(home.chains):
                home.evict(key)

    # What a hub does.

    def deliver(self, loop, count):
        count = min(count, len(self.mail[loop]))
        if not count:
            return
        self.say("deliver", loop, count)
        for _ in range(count):
            kind, what = self.mail[loop].popleft()
            if kind == "message":
                self.logs[loop][what.channel].append(what)
            elif not what[0].closed:
                self.place(loop, kind, *what)

    def place(self, loop, kind, sub, answer):
        """An answer stands behind what came before it. The first one stands at once, for nothing
        of the channel is before it."""
        end = len(self.logs[loop][sub.channel])
        if kind != "subscribe":
            sub.marks.append((end, kind, answer if sub.algorithm else self.silent(answer)))
            return
        sub.cursor, sub.started = end, True
        self.mark(sub, "filter", answer)
        self.tell(sub, "succeeded")
        started = answer if sub.algorithm else self.silent(answer)
        told = self.mark(sub, "start", started) if answer.start else None
        self.say("begun", sub.number, told)
        if sub.gen.cached:
            self.tell(sub, "text", raw=sub.gen.cached.text, m=sub.gen.cached, why="plain")

    @staticmethod
    def silent(answer):
        """A start for which deltas were switched off since: it only ends the waiting."""
        return SimpleNamespace(seq=answer.seq, filter_id=answer.filter_id, start=None)

    def tell(self, sub, kind, **members):
        frame = SimpleNamespace(kind=kind, ch=sub.channel, gen=sub.gen, **members)
        sub.conn.wire.append(frame)
        return frame

    def mark(self, sub, kind, answer):
        """The text of the frame that it is told of a start."""
        if kind == "filter":
            sub.filter_id = answer.filter_id
            self.join(sub, answer.seq, True)
            return None
        sub.pending -= 1
        start = answer.start
        if not start:
            return None
        self.tell(sub, "sync", keyed=start.keyed, states=start.states)
        self.join(sub, start.joined, not start.counts)
        states = ",".join('%s:[{"content":%s,"seq":%d}]' % (quoted(key), quoted(text), number)
                          for key, (number, text) in start.states.items())
        path = '"conflation_key":"symbol","max_messages_per_key":2,' if start.keyed else ""
        return '{"event":"pusher:delta_cache_sync","channel":"%s","data":{%s"states":{%s}}}' % (
            sub.channel, path, states)

    def join(self, sub, joined, forgot):
        sub.joined, sub.forgot = joined, forgot
        sub.behind.clear()

    def leave_out(self, sub, message):
        if not sub.live() or not message.chained:
            return
        if message.slot < self.cfg.behind_slots_max:
            sub.behind.add(message.slot)
        else:
            self.join(sub, message.seq + 1, True)

    def form(self, sub, message):
        """The frame and its text. State advances here and nowhere else."""
        about = {"ch": message.channel, "gen": sub.gen, "m": message}
        if not sub.live() or not message.chained:
            return SimpleNamespace(kind="text", raw=message.text, why="plain", **about), message.text
        base = message.base
        hidden = sub.filter_id is not None and base and sub.filter_id not in message.base_passes
        if hidden and message.key is None and message.last_for.get(sub.filter_id):
            base, hidden = message.last_for[sub.filter_id], False
        if base is None:
            why = "first"
        elif message.due:
            why = "due"
        elif base.seq < sub.joined:
            why = "joined"
        elif hidden:
            why = "filter"
        elif message.slot in sub.behind:
            why = "behind"
        else:
            why = "delta" if sub.algorithm in message.pays else "size"
        key = "" if message.key is None else ',"__conflation_key":"%s"' % message.key
        if why != "delta":
            sub.behind.discard(message.slot)
            tail = ',"__delta_seq":%d%s' % (message.seq, key)
            raw = message.text[:-1] + tail + "}"
            return SimpleNamespace(kind="text", raw=raw, why=why, tail=tail, forgot=sub.forgot,
                                   base=base and base.seq, **about), raw
        algorithm = ',"algorithm":"%s"' % sub.algorithm if sub.is_named() else ""
        text = ('{"event":"pusher:delta","channel":"%s","data":{"event":%s,"delta":"%d>%d",'
                '"seq":%d%s%s,"base_index":%d}}') % (
            message.channel, quoted(message.event), base.mid, message.mid, message.seq, algorithm,
            key.replace("__", ""), base.seq)
        return SimpleNamespace(
            kind="delta", why="delta", event=message.event, delta=(base.text, message.text),
            number=message.seq, key=message.key, base=base.seq, algorithm=sub.algorithm,
            named=sub.algorithm if sub.is_named() else None, **about), text

    def flush(self, client):
        for sub in client.conn.subs.values():
            log = self.logs[client.conn.loop][sub.channel]
            steps, texts = [], []
            while self.step(client, sub, log, (steps, texts)):
                pass
            sub.slow = sub.cursor < len(log)
            if steps:
                self.say("flush", sub.number, "".join(steps), texts)

    def step(self, client, sub, log, record):
        """Marks first; then one entry: hidden, excluded, dropped, conflated or written."""
        steps, texts = record
        while sub.marks and sub.marks[0][0] <= sub.cursor:
            told = self.mark(sub, *sub.marks.popleft()[1:])
            if told:
                steps.append("W")
                texts.append(told)
        if not sub.started or sub.cursor >= len(log):
            return False
        message = log[sub.cursor]
        if not sub.passes(message):
            pass
        elif message.exclude == client.id:
            self.leave_out(sub, message)
        elif self.is_dropped(client, sub, log):
            newest = log[-1].mid if client.policy == "conflate" else 0
            sub.gen.dropped[message.mid] = newest
            self.leave_out(sub, message)
            steps.append("D")
        elif len(client.conn.wire) >= self.cfg.socket_room:
            return False
        else:
            frame, text = self.form(sub, message)
            frame.heard = client.conn.syncs[sub.channel]
            client.conn.wire.append(frame)
            steps.append("W")
            texts.append(text)
        sub.cursor += 1
        return True

    @staticmethod
    def is_dropped(client, sub, log):
        if client.policy == "drop":
            return len(log) - sub.cursor > 4
        if client.policy != "conflate" or not sub.slow:
            return False
        end = sub.marks[0][0] if sub.marks else None
        symbol = log[sub.cursor].symbol
        return any(m.symbol == symbol and m.exclude != client.id and sub.passes(m)
                   for m in log[sub.cursor + 1:end])

    # What clients send.

    def uplink(self, client):
        while client.conn.up:
            conn = client.conn
            kind, channel, value = conn.up.popleft()
            sub = conn.subs.get(channel)
            if kind == "subscribe":
                self.subscribe(conn, channel, *value)
            elif kind == "enable":
                self.enable(conn, value)
            elif kind == "sync_error":
                self.resync(conn, channel, sub)
            elif sub and kind == "unsubscribe":
                self.close(conn, sub)
            elif sub and kind == "filter":
                self.inbox[channel].append(("filter", sub, value, False))
            elif sub and kind == "want":
                sub.want = value
                self.switch(sub)

    def enable(self, conn, algorithm):
        conn.delta = algorithm
        if algorithm:
            self.confirm(conn, algorithm)
        for sub in conn.subs.values():
            self.switch(sub)

    def confirm(self, conn, algorithm):
        conn.confirmed.append(algorithm)
        conn.wire.append(SimpleNamespace(kind="confirm", algorithm=algorithm))
        for sub in conn.subs.values():
            self.say("class", sub.number, sub.form_class(), False)

    def subscribe(self, conn, channel, gen, chosen, want):
        self.subs_made += 1
        sub = Subscription(self.subs_made, conn, channel, gen, want)
        sub.algorithm = sub.wanted()
        if want in ALGORITHMS and self.cfg.confirm_each:
            self.confirm(conn, want)
        conn.subs[channel] = sub
        sub.pending = int(bool(sub.algorithm))
        self.say("open", sub.number, conn.client, conn.loop, channel, sub.form_class())
        self.inbox[channel].append(("subscribe", sub, chosen, bool(sub.pending)))

    def close(self, conn, sub):
        sub.closed = conn.subs.pop(sub.channel)
        self.say("close", sub.number)
        self.inbox[sub.channel].append(("leave", sub, None, False))

    def switch(self, sub):
        before, sub.algorithm = sub.algorithm, sub.wanted()
        starts = bool(sub.algorithm) and sub.algorithm != before
        if not sub.algorithm:
            sub.marks = collections.deque((end, kind, self.silent(answer))
                                          for end, kind, answer in sub.marks)
        self.say("class", sub.number, sub.form_class(), starts)
        if starts:
            self.ask_start(sub)

    def ask_start(self, sub):
        sub.pending += 1
        self.inbox[sub.channel].append(("start", sub, None, True))

    def resync(self, conn, channel, sub):
        """Plain until the answer; over the rate limit the answer is late, never left out."""
        conn.syncs[channel] += 1
        if not sub or not sub.algorithm:
            return
        if conn.tokens:
            self.say("ask", sub.number)
            self.ask_start(sub)
        elif not sub.deferred:
            self.say("ask", sub.number)
            sub.pending, sub.deferred = sub.pending + 1, True
        conn.tokens = 0

    def refill(self):
        for client in self.clients:
            client.conn.tokens = 1
            for sub in client.conn.subs.values():
                if sub.deferred:
                    sub.deferred, sub.pending = False, sub.pending - 1
                    self.ask_start(sub)

    def restart(self):
        self.boot()
        self.say("restart")
        for client in self.clients:
            client.conn.subs.clear()
            client.reconnect()

    def settle(self):
        for _ in range(400):
            for channel, fifo in self.fifo.items():
                for m in fifo:
                    if m.verdict == "wait":
                        m.verdict = ("local", "delta", "full", "delta")[m.mid % 4]
                while self.inbox[channel]:
                    self.request(channel)
                self.release(channel)
            for loop in range(LOOPS):
                self.deliver(loop, 10 ** 6)
            for client in self.clients:
                self.flush(client)
                client.read(10 ** 6)
                self.uplink(client)
            subs = [s for c in self.clients for s in c.conn.subs.values()]
            busy = [*self.inbox.values(), *self.mail, *(s.slow or s.marks for s in subs),
                    *(c.conn.wire or c.conn.up for c in self.clients)]
            if any(busy):
                continue
            if not any(s.deferred for s in subs):
                return
            self.refill()

    # The judge.

    def verify(self):
        for home in self.all_homes:
            if home.log != sorted(home.log, key=lambda m: m.mid):
                raise Violation("a message was overtaken")
            since = {}  # a full one by interval, by chain
            for m in home.log:
                if not m.chain_id:
                    continue
                by_count = since.get(m.chain_id, self.cfg.interval) + 1 >= self.cfg.interval
                by_rule = {"full": True, "delta": False}.get(m.verdict, by_count)
                since[m.chain_id] = 0 if by_rule else since.get(m.chain_id, 0) + 1
                if m.due != (m.forced or by_rule):
                    raise Violation("message %d: interval not kept" % m.mid)
        for gen in self.gens:
            for name, got in gen.got.items():
                want = gen.expected(name)
                if got != (want[:len(got)] if gen.ended else want):
                    raise Violation("client %d channel %s decoder %s: saw %s instead of %s" % (
                        gen.client, gen.channel, name, [e[0] for e in got], [e[0] for e in want]))


class Generation:
    """What the judge knows of one subscription, from its request to its end."""

    def __init__(self, client, channel):
        self.client, self.channel, self.home, self.first, self.cached = client, channel, None, 0, None
        self.ended, self.filters, self.dropped = False, [], {}
        self.got, self.lost = {"peer": [], "strict": []}, {"peer": set(), "strict": set()}

    def expected(self, decoder):
        out = [self.cached] if self.cached else []
        log = self.home.log[self.first - 1:] if self.home else []
        for m in log:
            chosen = [f for since, f in self.filters if since <= m.seq][-1]
            is_heard = (chosen is None or m.symbol in chosen) and m.exclude != self.client
            if is_heard and m.mid not in self.lost[decoder] and m.mid not in self.dropped:
                out.append(m)
            newest = self.dropped.get(m.mid)
            if newest and not self.ended and len(self.filters) == 1 and not any(
                    n.symbol == m.symbol and m.mid < n.mid <= newest and
                    (n.exclude != self.client or n.mid in self.dropped) for n in log):
                raise Violation("the newest of a key was conflated away")
        return [(m.event, m.data) for m in out]


# --- the clients -----------------------------------------------------------------------------

class PeerDecoder:
    """Behaves like the known JavaScript client: its state survives reconnects, of several bases
    with one number it takes the oldest, and unkeyed it takes the last, whatever the number."""
    name = "peer"

    def __init__(self):
        self.channels, self.algorithm = {}, "fossil"

    def reconnect(self):
        pass

    def clear(self, channel):
        self.channels.pop(channel, None)

    def confirm(self, algorithm):
        self.algorithm = algorithm

    def state(self, channel):
        return self.channels.setdefault(channel, SimpleNamespace(keyed=False, keys={}, base=None))

    def sync(self, frame, ready):
        state = self.state(frame.ch)  # the base of the unkeyed mode stays
        state.keyed, state.keys = frame.keyed, {k: [v] for k, v in frame.states.items()}

    def text(self, frame, present):
        whole = json.loads(frame.raw)
        if not frame.m.event.startswith("pusher:"):
            self.keep(frame, whole)
        return ("ok", (whole["event"], whole["data"])) if present else ("gone",)

    def keep(self, frame, whole):
        number = whole.get("__delta_seq", whole.get("sequence"))
        key = whole.get("__conflation_key", whole.get("conflation_key"))
        raw = frame.raw
        if number is not None:
            raw = re.sub(r',"__delta_seq":\d+|"__delta_seq":\d+,|,"__conflation_key":"[^"]*"|'
                         r'"__conflation_key":"[^"]*",', "", raw)
        else:  # looked for inside the data as well
            inner = whole["data"]
            inner = json.loads(inner or "0") if isinstance(inner, str) else inner
            number = inner.get("__delta_seq") if isinstance(inner, dict) else None
        if number is not None:
            self.put(self.state(frame.ch), key, (number, raw), key is not None)

    @staticmethod
    def put(state, key, entry, keyed):
        if keyed:
            state.keyed = True
            state.keys[key or ""] = (state.keys.get(key or "", []) + [entry])[-30:]
        else:
            state.base = entry[1]

    def delta(self, frame, present):
        state = self.channels.get(frame.ch)
        if state is None or not present:
            return ("lost" if present else "gone", "no state", False)
        found = [text for number, text in state.keys.get(frame.key or "", [])
                 if number == frame.base] if state.keyed else [state.base]
        if not found or found[0] is None:
            self.clear(frame.ch)
            return ("lost", "no base %s for key %s" % (frame.base, frame.key), True)
        is_wrong, text = found[0] != frame.delta[0], frame.delta[1]
        if (frame.named or self.algorithm) != frame.algorithm or (
                is_wrong and frame.algorithm == "fossil"):
            return ("lost", "does not decode", False)
        text = '{"event":"","data":"rubbish"}' if is_wrong else text
        self.put(state, frame.key, (frame.number, text), state.keyed)
        whole = json.loads(text)
        return ("ok", (frame.event, whole["data"] or json.dumps(whole)))


class StrictDecoder(PeerDecoder):
    """One base per key, everything checked, nothing kept over a reconnect or an unsubscribe."""
    name = "strict"

    def __init__(self):
        self.reconnect()

    def reconnect(self):
        self.channels, self.algorithm = {}, None

    def sync(self, frame, ready):
        if ready:
            self.channels[frame.ch] = dict(frame.states)

    def text(self, frame, present):
        bases, whole = self.channels.setdefault(frame.ch, {}), json.loads(frame.raw)
        if frame.why != "plain":
            held = frame.base is not None and bases.get(frame.m.key, (None,))[0] == frame.base
            if held and (frame.why in ("behind", "filter") or
                         frame.why == "joined" and not frame.forgot):
                raise Violation("message %d: needlessly full" % frame.m.mid)
            bases[frame.m.key] = (frame.m.seq, frame.raw.replace(frame.tail + "}", "}"))
        return ("ok", (whole["event"], whole["data"]))

    def delta(self, frame, present):
        if frame.m.due:
            raise Violation("message %d is due in full and came as a delta" % frame.m.mid)
        number, text = self.channels.get(frame.ch, {}).get(frame.key, (None, ""))
        if number != frame.base or text != frame.delta[0] or (
                frame.named or self.algorithm) != frame.algorithm:
            self.clear(frame.ch)
            return ("lost", "holds base %s, not %s" % (number, frame.base), True)
        self.channels[frame.ch][frame.key] = (frame.number, frame.delta[1])
        return ("ok", (frame.event, json.loads(frame.delta[1])["data"]))


class Client:
    """Feeds both decoders; subscribes and unsubscribes like the known JavaScript client."""

    def __init__(self, world, number):
        self.world, self.id, self.table = world, number, {}
        self.policy = world.cfg.policies[number % len(world.cfg.policies)]
        self.decoders = (PeerDecoder(), StrictDecoder())
        self.connect()

    def connect(self):
        self.conn = SimpleNamespace(
            world=self.world, client=self.id, loop=self.id % LOOPS, subs={}, delta=None, tokens=1,
            wire=collections.deque(), up=collections.deque(), confirmed=[],
            syncs=collections.Counter())
        self.asked = collections.Counter()

    def send(self, *frame):
        self.conn.up.append(frame)

    def enable(self, algorithm):
        self.send("enable", None, algorithm)

    def subscribe(self, channel, chosen=None, want=None):
        if channel in self.table:
            self.table[channel].cancelled = False  # a pending request is taken up again
            return
        self.table[channel] = SimpleNamespace(filter=chosen, want=want)
        self.ask(channel)

    def ask(self, channel):
        view = self.table[channel]
        view.gen, view.pending, view.cancelled = Generation(self.id, channel), True, False
        self.world.gens.append(view.gen)
        self.send("subscribe", channel, (view.gen, view.filter, view.want))

    def unsubscribe(self, channel):
        view = self.table.get(channel)
        if view is None:
            return
        for decoder in self.decoders:
            decoder.clear(channel)
        view.cancelled = view.pending
        if not view.pending:
            view.gen.ended = True
            del self.table[channel]
            self.send("unsubscribe", channel, None)

    def resubscribe(self, channel, chosen):
        if channel in self.table:
            want = self.table[channel].want
            self.unsubscribe(channel)
            self.subscribe(channel, chosen, want)

    def change(self, channel, what, value):
        if channel in self.table:
            setattr(self.table[channel], what, value)
            self.send(what, channel, value)

    def resync(self, channel):
        self.asked[channel] += 1
        self.send("sync_error", channel, None)

    def inject_error(self, channel):
        if channel in self.table and not self.table[channel].pending:
            for decoder in self.decoders:
                decoder.clear(channel)
            self.resync(channel)

    def reconnect(self):
        for sub in list(self.conn.subs.values()):
            self.world.close(self.conn, sub)
        for view in self.table.values():
            view.gen.ended = True
        for decoder in self.decoders:
            decoder.reconnect()
        self.connect()
        for channel in self.table:
            self.ask(channel)

    def read(self, count):
        for _ in range(min(count, len(self.conn.wire))):
            frame = self.conn.wire.popleft()
            view = self.table.get(getattr(frame, "ch", None))
            current = view is not None and frame.gen is view.gen
            for decoder in self.decoders:
                if frame.kind == "confirm":
                    decoder.confirm(frame.algorithm)
                elif frame.kind == "sync":
                    decoder.sync(frame, current and not view.pending)
                elif frame.kind != "succeeded":
                    self.hear(decoder, frame, view, current)
            if current and frame.kind == "succeeded":
                view.pending = False
            if current and not view.pending and view.cancelled:
                self.unsubscribe(frame.ch)

    def hear(self, decoder, frame, view, current):
        if decoder.name == "strict" and not (current and not view.pending):
            return  # hears nothing from an unsubscribe to the next success
        result, *about = getattr(decoder, frame.kind)(frame, view is not None)
        if result == "ok" and current:
            frame.gen.got[decoder.name].append(about[0])
        if result != "lost":
            return
        # Written before the server heard of an error.
        excused = self.asked[frame.ch] > getattr(frame, "heard", 0)
        if current and not excused:
            raise Violation("client %d message %d decoder %s: %s" % (
                self.id, frame.m.mid, decoder.name, about[0]))
        if current:
            frame.gen.lost[decoder.name].add(frame.m.mid)
        if about[1]:
            self.resync(frame.ch)


# --- seeds -----------------------------------------------------------------------------------

def config(seed):
    pick = random.Random(seed).choice
    return SimpleNamespace(
        interval=pick((2, 3, 5)), keys_max=pick((1, 3, 9, 9)), behind_slots_max=pick((0, 1, 2, 99)),
        wants_bases=pick((False, True, True)), sync_bytes_max=pick((900, 65536)),
        socket_room=pick((1, 2, 4, 9)), omit_algorithm=pick((True, True, False)),
        confirm_each=pick((True, False)), waits=pick((0, 0, .4)), poor=pick((0, 0, 5)),
        scenes=pick((0, 0, .03)), symbols=pick(((0, 5), (0, 4), (3, 5))),
        policies=pick((("keep", "drop", "conflate"), ("conflate", "keep", "drop"),
                       ("drop", "conflate", "keep"))))


# Weight and arguments, drawn from (random, channel, client, configuration).
OPERATIONS = {
    "publish": (30, lambda r, c, n, cfg: (
        c, r.randrange(*cfg.symbols), r.choice(KINDS), n if r.random() < .2 else None,
        r.choice((None,) * 9 + (False, True)),
        r.choice((ALGORITHMS,) * 5 + (ALGORITHMS[:1],) + ((),) * cfg.poor),
        r.random() < cfg.waits)),
    "settle": (8, lambda r, c, n, cfg: ()),
    "release": (8, lambda r, c, n, cfg: (c,)),
    "request": (3, lambda r, c, n, cfg: (c,)),
    "deliver": (8, lambda r, c, n, cfg: (n % 2, r.randrange(1, 6))),
    "flush": (8, lambda r, c, n, cfg: (n,)),
    "uplink": (4, lambda r, c, n, cfg: (n,)),
    "read": (8, lambda r, c, n, cfg: (n, r.randrange(1, 5))),
    "verdict": (3, lambda r, c, n, cfg: (c, r.randrange(3), r.choice(("full", "delta", "local")))),
    "subscribe": (4, lambda r, c, n, cfg: (
        n, c, r.choice(FILTERS[:1] * 2 + FILTERS), r.choice((None, "off") + ALGORITHMS * 2))),
    "resubscribe": (1, lambda r, c, n, cfg: (n, c, r.choice(FILTERS))),
    "unsubscribe": (1, lambda r, c, n, cfg: (n, c)),
    "enable": (2, lambda r, c, n, cfg: (n, r.choice(ALGORITHMS * 2 + (None,)))),
    "refill": (1, lambda r, c, n, cfg: ()),
    "change": (3, lambda r, c, n, cfg: (n, c, *r.choice(
        [("filter", f) for f in FILTERS] + [("want", w) for w in ("off", "fossil", None)]))),
    "inject_error": (1, lambda r, c, n, cfg: (n, c)),
    "reconnect": (1, lambda r, c, n, cfg: (n,)),
    "restart": (.5, lambda r, c, n, cfg: ()),
    "settings": (.5, lambda r, c, n, cfg: (c, r.random() < .5)),
    "idle": (.5, lambda r, c, n, cfg: ()),
}
# Corners that random operations seldom reach.
SCENES = {
    "hesitate": lambda n, c: [
        ("publish", "k", 0), ("unsubscribe", n, "k"), ("settle",),
        ("subscribe", n, "k", None, "fossil"), ("uplink", n), ("request", "k"),
        ("deliver", n % 2, 99), ("flush", n), ("read", n, 1 + n % 2), ("resubscribe", n, "k", None),
        ("publish", "k", 0), ("settle",)],
    "rekey": lambda n, c: [("settings", "u", True)] + [("publish", "u", s) for s in (3, 3, n, 3)],
    "unkey": lambda n, c: [("settings", "k", False), ("restart",)] + [
        ("publish", "k", s) for s in (3, n, 3)],
    "errors": lambda n, c: [
        ("subscribe", n, c, None, "fossil"), ("publish", c, 0), ("settle",), ("inject_error", n, c),
        ("settle",)] * 2 + [
        ("publish", c, 0), ("settle",), ("inject_error", n, c), ("uplink", n), ("publish", c, 0),
        ("release", c), ("deliver", n % 2, 99), ("flush", n)],
    "sender": lambda n, c: [("publish", c, 4)] * 4 + [
        ("publish", c, 4, "normal", n), ("release", c), ("deliver", n % 2, 99), ("flush", n),
        ("read", n, 2), ("flush", n)],
}
OF_CLIENTS = ("subscribe", "resubscribe", "unsubscribe", "enable", "change", "inject_error",
              "reconnect", "read")


def operations(seed, length=120):
    """Each seed favours some operations and leaves out others."""
    r, cfg, ops = random.Random(seed * 7919 + 1), config(seed), []
    names = list(OPERATIONS)
    weights = [w * (1 if w > 5 else r.choice((0, 0, 1, 8))) for w, _ in OPERATIONS.values()]
    for n in range(3):
        for c in "ku":
            if r.random() < .7:
                ops.append(("subscribe", n, c, r.choice((None,) * 3 + FILTERS),
                            r.choice((None,) + ALGORITHMS)))
        if r.random() < .8:
            ops.append(("enable", n, r.choice(ALGORITHMS)))
    ops.append(("settle",))
    while len(ops) < length:
        n, c = r.randrange(3), r.choice("kkuu" if seed % 3 else "k")
        scene, name = r.choice(list(SCENES)), r.choices(names, weights)[0]
        if r.random() < cfg.scenes:
            ops += SCENES[scene](n, c)
        else:
            ops.append((name, *OPERATIONS[name][1](r, c, n, cfg)))
    return ops


def apply(world, name, *args):
    if name in ("flush", "uplink"):
        getattr(world, name)(world.clients[args[0]])
    elif name in OF_CLIENTS:
        getattr(world.clients[args[0]], name)(*args[1:])
    else:
        getattr(world, name)(*args)


def run(seed):
    world = World(config(seed))
    for operation in operations(seed) + [("settle",)]:
        apply(world, *operation)
    world.verify()
    return world


def main(words):
    first, count = (int(words[1]), int(words[2])) if len(words) == 3 else (0, int(words[1]))
    failed = 0
    for seed in range(first, first + count):
        try:
            world = run(seed)
        except (Violation, ValueError) as broken:
            failed += 1
            print("seed %d: %s" % (seed, broken), file=sys.stderr)
            continue
        if words[0] == "trace":
            print(json.dumps(["seed", seed]))
            for line in world.out:
                print(json.dumps(line))
    if words[0] == "check":
        print("%d passed, %d failed" % (count - failed, failed))
    return failed != 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
