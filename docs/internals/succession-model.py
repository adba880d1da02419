"""Executable model of resumable sessions: sessions with two presences in two shards over single-writer dots. Loss, kills, planned stops with lost
hand-overs, half-open links, lost join replies, two resumes at once, updates, early untracks, returns until just before the grace ends.

Since then also: duplicated tabs that come with an earlier token, of this node or another, hand-over that takes time, suspended nodes, and the
rules of decisions 0072 and 0074.

Run: python3 succession-model.py SEEDS [DEFECT]. As specified, 3,000 histories (SEEDS 1500) have no violation. Defects that 120 histories find:
nohold, noownhold, memorypersession, forgetsuccessor, ladder, nograce, noretrack, ignoreheld, stealback; rarer ones: nomemory, ignoretoken,
noforward, noreserve, deadwins, nodrop, unknownwins (seed 301). Not found: by 240 histories pausegrace, by 620 heirkeeps, because here a node
offers a session to one heir only. nogapwait, the rule of 0072 left out, was not tried for long. The simulation of the real code,
tests/Presence.Tracker.Tests/Simulation/Sessions, covers the same and longer pauses.
"""
import random, sys
G, DETECT, IDLE = 30, 6, 8                       # grace (= hold), crash detection, half-open time, in ticks
DEFECT = sys.argv[2] if len(sys.argv) > 2 else ''
KEYS = (0, 1)
class Node:
    def __init__(s, name, inc):
        s.name, s.inc, s.seq, s.up, s.stopping = name, inc, 0, True, False
        s.know, s.own, s.down, s.held, s.mem, s.shown, s.handed, s.reserved = {}, {}, {}, {}, {}, {}, {}, {}; s.asleep = 0
        s.have, s.gaps = {}, {}                      # of each replica: the last sequence that exists and the number received; since when some lack
    @property
    def rep(s): return (s.name, s.inc)
class Sim:
    def __init__(s, seed, partitions):
        s.r = random.Random(seed); s.r2 = random.Random(seed); s.t = 0; s.n = [Node(i, 1) for i in range(4)]; s.msgs = []; s.cut = set(); s.partitions = partitions
        s.c = {}; s.sid = 0; s.events = []; s.bad = []; s.excused = set()
    # --- replication
    def reach(s, a, b): return a.up and b.up and s.t >= b.asleep and frozenset((a.name, b.name)) not in s.cut
    def cast(s, a, evs):
        for b in s.n:
            if b is not a and b.up and s.r.random() >= .12: s.msgs.append((s.t + s.r.randint(1, 3), a, b, evs))
    def add(s, a, sid, key, gen, ref=None):
        a.seq += 1; d = (a.rep, a.seq); e = ('live', sid, key, gen, ref or d); a.know[d] = e; s.remember(a, sid, key, gen); return d, e
    def kill_dot(s, a, d, why):
        e = a.know[d]; shown = s.shows(a, d, e); g = a.know[d] = ('gone',) + e[1:] + (why,)
        if why == 'Superseded' and shown and DEFECT not in ('nohold', 'noownhold'): a.held[(e[1], e[2])] = (d, g, s.t + G)
        return d, g
    def shows(s, a, d, e):                                                                # now, not since the last tick: it may come and go within one
        of = [((x[3], y[0], y[1]), y) for y, x in a.know.items() if x[0] == 'live' and x[1:3] == e[1:3] and (y[0] == a.rep or s.t < s.due(a, a.down.get(y[0], 1 << 30)))]
        return max(of)[1] == d if of else a.held.get((e[1], e[2]), (0,))[0] == d
    def remember(s, a, sid, key, gen):
        k = sid if DEFECT == 'memorypersession' else (sid, key)
        if gen > a.mem.get(k, (-1, -1)): a.mem[k] = gen
    def learn(s, b, ev):
        d, e = ev
        if b.know.get(d, (0,))[0] == 'gone' or (d in b.know and e[0] == 'live'): return
        if d not in b.know: h = b.have.setdefault(d[0], [0, 0]); h[0] = max(h[0], d[1]); h[1] += 1
        shown = e[0] == 'gone' and s.shows(b, d, e); seen = e[0] == 'live' or d in b.know; b.know[d] = e
        if seen: s.remember(b, *e[1:4])                                                      # a removal names the dot, not the generation
        top = max(x.inc for x in s.n if x.name == d[0][0])
        if d[0][1] < top: b.down.setdefault(d[0], s.t + G)
        if shown and e[5] in ('Superseded', 'NodeStopped') and DEFECT != 'nohold': b.held[(e[1], e[2])] = (d, e, s.t + G)
    def lacks(s, a):                                                                      # heartbeats tell the last sequence of a replica
        for x in s.n:
            if x is not a and s.reach(x, a) and s.r2.random() >= .12: h = a.have.setdefault(x.rep, [0, 0]); h[0] = max(h[0], x.seq)
        a.gaps = {rep: a.gaps.get(rep, s.t) for rep, (last, count) in a.have.items() if last > count and s.t < a.down.get(rep, 1 << 30)}
    def due(s, a, until):                                                                 # what is missing may be the successor
        return until if DEFECT == 'nogapwait' else max([until] + [a.down.get(rep, since + G) for rep, since in a.gaps.items()])
    # --- what readers see
    def visible(s, a):
        v = {}
        for d, e in a.know.items():
            if e[0] != 'live' or (d[0] != a.rep and s.t >= s.due(a, a.down.get(d[0], 1 << 30))): continue
            p = (e[1], e[2]); k = (e[3], d[0], d[1])
            if e[3] < a.mem.get(p[0] if DEFECT == 'memorypersession' else p, (-1, -1)) and DEFECT != 'nomemory': continue
            if p not in v or k > v[p][1]: v[p] = (d, k, e[4])
        for p, (d, e, until) in list(a.held.items()):
            if p in v or s.t >= s.due(a, until) or any(x[0] == 'gone' and (x[1], x[2]) == p and x[3] >= e[3] and x[5] in ('Left', 'GraceExpired', 'Untracked') for x in a.know.values()): del a.held[p]
            else: v[p] = (d, None, e[4])
        return v
    def observe(s, a):
        v = s.visible(a)
        if a.name == 0:
            for p in set(v) - set(a.shown): s.events.append((s.t, 'join', p))
            for p in set(a.shown) - set(v): s.events.append((s.t, 'leave', p))
        a.shown = v
    # --- owners
    def end(s, a, sid, why):
        o = a.own.pop(sid); s.cast(a, [s.kill_dot(a, d, why) for d in o['dots'].values()])
    def check_superseded(s, a):
        for sid, o in list(a.own.items()):
            over = max(((e[3], d[0]) for d, e in a.know.items() if e[1] == sid and d[0] != a.rep and not (d[0] in a.down and DEFECT != 'deadwins')), default=None)
            dead = max((e[3] for d, e in a.know.items() if e[1] == sid and d[0] in a.down), default=None)
            if over and over > (o['gen'], a.rep):
                c = s.c.get(sid)
                if o['att'] and o['conf'] and over[0][0] == o['gen'][0] and not o.get('bid') and DEFECT != 'unknownwins':
                    s.rewrite(a, sid, (over[0][0] + 1, 0)); o['bid'] = True; continue      # the client knows of neither a lost reply nor its heir
                if o['att'] and c and c['at'] is a:
                    if over[0][1] > 0 and over[0][0] <= o['gen'][0]: s.bad.append(('heir beats client', s.t, sid))
                    elif sid not in s.excused: s.bad.append(('attached superseded', s.t, sid, o['gen'], over))
                    c['at'] = None; c['sup'] = True
                s.end(a, sid, 'Superseded')
                if DEFECT != 'forgetsuccessor': a.handed[sid] = over[1]                 # a former owner sends on
            elif o['att'] and dead and dead > o['gen'] and DEFECT != 'deadwins':        # outbid a dead replica
                s.rewrite(a, sid, (dead[0] + 1, 0))
    def rewrite(s, a, sid, gen):
        o = a.own[sid]; evs = []
        for k, d in list(o['dots'].items()):
            ref = a.know[d][4]; evs.append(s.kill_dot(a, d, 'Superseded')); n, e = s.add(a, sid, k, gen, ref); o['dots'][k] = n; evs.append((n, e))
        o['gen'] = gen; s.cast(a, evs)
    # --- clients
    def pick(s): x = [n for n in s.n if n.up and not n.stopping and s.t >= n.asleep]; return s.r.choice(x) if x else None
    def open(s):
        s.sid += 1; sid = s.sid; a = s.pick(); evs = []; dots = {}
        for k in KEYS: d, e = s.add(a, sid, k, (0, 0)); dots[k] = d; evs.append((d, e))
        for ev in evs: s.cast(a, [ev])                                                # two shards: two frames
        a.own[sid] = dict(gen=(0, 0), n=1, att=True, conf=False, until=None, dots=dots, rel=None)
        s.c[sid] = dict(at=a, tok=(0, 0), n=1, tok0=None, owner=a.rep, away=s.t, keys=set(KEYS), wait=None, since=s.t)
    def resume(s, sid, tab=None):
        c = s.c[sid] if tab is None else dict(s.c[sid], tok=tab[0], n=tab[1]); a = s.pick()
        if not a: return
        o = a.own.get(sid); holder = c['at']
        if tab is not None:                                                                # a duplicated tab: its earlier token must be refused
            ho = holder.own.get(sid); steady = ho and ho['att'] and ho['conf'] and ho['rel'] is None and (ho['gen'], ho['n']) > tab and s.t > c['since'] + 6
            if not steady or not holder.up or holder.asleep > s.t or holder.stopping: return
        if tab is None and o and o['rel'] is None and o['gen'] >= c['tok'] and not (o['att'] and o['conf'] and (c['tok'], c['n']) < (o['gen'], o['n'])):
            o.update(att=True, until=None, half=None, conf=False, n=o['n'] + 1, bid=False)
            if o['gen'][1] > 0 and DEFECT != 'heirkeeps': s.rewrite(a, sid, (max(o['gen'][0], a.reserved.get(sid, 0)) + 1, 0))
            return s.reply(sid, a, o['gen'])
        start = [c['owner']]
        live = [((e[3], d[0]), d) for d, e in a.know.items() if e[1] == sid and e[0] == 'live']
        if live: start.append(max(live)[0][1])
        found, over, holds = None, False, None
        for rep in start:
            h = next((x for x in s.n if x.rep == rep), None)
            for _ in range(5):
                if h is None or (h is not a and not s.reach(a, h)): break
                to = h.handed.get(sid) or (h.own[sid]['rel'] if sid in h.own and h.own[sid]['rel'] and h.own[sid]['rel'] != a.rep and DEFECT != 'noforward' else None)
                if to: h = next((x for x in s.n if x.rep == to), None); continue
                if sid in h.own: found = h
                elif h.rep == (max(live)[0][1] if live else rep): over = True
                break
            if found: break
        known = max([c['tok'][0]] + [k[0][0] for k, _ in live] + [a.reserved.get(sid, 0)])
        if DEFECT == 'ignoretoken': known = max([k[0][0] for k, _ in live] + [0])
        if tab is not None:
            if found is holder and not (ho['att'] and ho['conf'] and tab < (ho['gen'], ho['n']) and DEFECT != 'stealback') and not s.partitions and sid not in s.excused:
                s.bad.append(('tab steals', s.t, sid))
            return
        if found:
            o = found.own[sid]
            if o['att'] and o['conf'] and (c['tok'], c['n']) < (o['gen'], o['n']) and DEFECT != 'stealback': over = True; found = None   # a duplicated tab
            else:
                holds = {k: found.know[d][4] for k, d in o['dots'].items()}; known = max(known, o['gen'][0], found.reserved.get(sid, 0))
                if found is not a:
                    o['rel'] = a.rep; o['reltime'] = s.t; found.reserved[sid] = known + 1 if DEFECT != 'noreserve' else 0
                    o.update(att=False, half=None, until=s.t + G)
        elif not over:
            heads = {}
            for d, e in a.know.items():
                if e[1] == sid and e[0] == 'live' and ((e[1], e[2]) not in heads or (e[3], d) > heads[(e[1], e[2])][0]): heads[(e[1], e[2])] = ((e[3], d), e[4])
            if DEFECT != 'ignoreheld':
                for (sd, k), (d, e, until) in a.held.items():
                    if sd == sid and (sd, k) not in heads: heads[(sd, k)] = (None, e[4]); known = max(known, e[3][0])
            holds = {p[1]: h[1] for p, h in heads.items()}
            if not holds:
                if c.setdefault('unknown', s.t) + 4 > s.t: return                      # wait a moment for replication
                over = True
        if over:
            if s.t - c['away'] < G - 4 and not s.partitions and not c.get('risky'): s.bad.append(('false over', s.t, sid))
            c['dropped'] = True; s.excused.add(sid); del s.c[sid]; return
        old = a.own.pop(sid, None); gen = (known + 1, 0); evs = []; dots = {}
        for k in set(holds) | (c['keys'] if DEFECT != 'noretrack' else set()):                # the code tracks again what it holds
            d, e = s.add(a, sid, k, gen, holds.get(k)); dots[k] = d; evs.append((d, e))
        if DEFECT != 'nodrop': evs += [s.kill_dot(a, dots.pop(k), 'Untracked') for k in set(holds) - c['keys'] if k in dots]   # and drops the rest
        if old: evs += [s.kill_dot(a, d, 'Superseded') for d in old['dots'].values()]
        for ev in evs: s.cast(a, [ev])
        a.own[sid] = dict(gen=gen, n=1, att=True, conf=False, until=None, dots=dots, rel=None); a.handed.pop(sid, None); s.reply(sid, a, gen)
    def reply(s, sid, a, gen):
        c = s.c[sid]; c.pop('unknown', None)
        if s.r.random() < .12:                                                          # the reply is lost; the client tries again, maybe elsewhere
            c['away'] = max(c['away'], s.t); a.own[sid]['half'] = s.t + IDLE; s.excused.add(sid); return
        n = a.own[sid]['n']; was = (c['tok'], c['n'])
        c.update(at=a, tok0=was if was < (gen, n) else c.get('tok0'), tok=gen, n=n, owner=a.rep, since=s.t)
    def disconnect(s, sid):
        c = s.c[sid]; a = c['at']; c['at'] = None; c['away'] = s.t; c['back'] = s.t + (s.r.randint(1, 6) if s.r.random() < .8 else s.r.randint(10, G - 8))
        o = a.own.get(sid)
        if a.up and o and o['gen'] == c['tok']:
            if s.r.random() < .3: o['half'] = s.t + IDLE
            else: o.update(att=False, until=s.t + G)
    def op(s, sid):
        c = s.c[sid]; a = c['at']; o = a.own.get(sid)
        if not o or o['gen'] != c['tok']: return
        x = s.r.random()
        if x < .6 and c['keys']:
            k = s.r.choice(sorted(c['keys']))
            if k in o['dots']: ev = s.kill_dot(a, o['dots'][k], 'Updated'); n, e = s.add(a, sid, k, o['gen']); o['dots'][k] = n; s.cast(a, [ev, (n, e)])
        elif x < .75 and len(c['keys']) > 1:
            k = s.r.choice(sorted(c['keys']))
            if k in o['dots']: c['keys'].discard(k); s.excused.add((sid, k)); s.cast(a, [s.kill_dot(a, o['dots'].pop(k), 'Untracked')])
        elif x < .85: s.excused.add(sid); s.end(a, sid, 'Left'); del s.c[sid]
        else: s.disconnect(sid)
    # --- faults
    def lose_clients(s, a):
        for sid, c in s.c.items():
            if c['at'] is a: c['at'] = None; c['away'] = s.t; c['back'] = s.t + s.r.randint(1, 8)
    def kill(s, a):
        for sid, o in a.own.items():                                                    # what nobody else knows yet is lost with it
            for k, d in o['dots'].items():
                if not any(b is not a and b.up and d in b.know for b in s.n): s.excused.add(sid); s.c.get(sid, {})['risky'] = True
        a.up = False; s.lose_clients(a); s.msgs = [m for m in s.msgs if m[2] is not a]
        for b in s.n:
            if b is not a and b.up: s.msgs.append((s.t + DETECT + s.r.randint(0, 2), a, b, ('DOWN', a.rep)))
    def stop(s, a):
        a.stopping = True; s.lose_clients(a)
        for sid, o in list(a.own.items()):
            if o['rel']: continue
            o.update(att=False, until=s.t + G)
            heirs = [x for x in s.n if x.up and not x.stopping and s.reach(a, x) and sid not in x.own]
            if not heirs or s.r.random() < .1: continue
            h = heirs[hash((sid, 7)) % len(heirs)]; gen = (o['gen'][0], o['gen'][1] + 1) if DEFECT != 'ladder' else (o['gen'][0] + 1, 0)
            s.msgs.append((s.t + s.r.randint(0, 2), a, h, ('HAND', sid, gen, {k: a.know[d][4] for k, d in o['dots'].items()}, o['until'])))
        for b in s.n:
            if b is not a and b.up: s.msgs.append((s.t + s.r.randint(5, 6), a, b, ('STOPPED', a.rep)))
        s.msgs.append((s.t + 5, a, a, ('EXIT', a.rep)))
    def handed(s, a, h, p):                                                               # at the heir; then the acknowledgement, which may be lost
        _, sid, gen, refs, until = p
        if h.stopping or (sid in h.own and h.own[sid]['gen'] >= gen): return
        evs = []; dots = {}; old = h.own.pop(sid, None)
        for k, ref in refs.items(): n, e = s.add(h, sid, k, gen, ref); dots[k] = n; evs.append((n, e))
        if old: evs += [s.kill_dot(h, d, 'Superseded') for d in old['dots'].values()]
        for ev in evs: s.cast(h, [ev])
        h.handed.pop(sid, None); h.own[sid] = dict(gen=gen, n=0, att=False, conf=False, until=until, dots=dots, rel=None)
        if s.r.random() >= .12: s.msgs.append((s.t + s.r.randint(0, 2), h, a, ('ACK', sid, h.rep)))
    def sleep(s, a):                                                                      # shorter than the detection of a crash
        a.asleep = s.t + s.r.randint(1, DETECT - 1); s.lose_clients(a)
        for sid, o in a.own.items():
            for k, d in o['dots'].items():
                if not any(b is not a and b.up and d in b.know for b in s.n): s.excused.add(sid); s.c.get(sid, {})['risky'] = True
            if o['att']: o['half'] = a.asleep + IDLE
            elif o['until'] and DEFECT != 'pausegrace': o['until'] = max(o['until'], a.asleep + 4)   # first read what has arrived
    def restart(s, i):
        old = s.n[i]; new = s.n[i] = Node(old.name, old.inc + 1)
        b = s.r.choice([x for x in s.n if x.up and x is not new] or [None])
        if b:
            new.down = dict(b.down); new.mem = dict(b.mem)
            for ev in b.know.items(): s.learn(new, ev)
        for x in s.n:
            for rep in {d[0] for d in x.know if d[0][0] == old.name and d[0][1] < new.inc}: x.down.setdefault(rep, s.t + G)
    def step(s):
        s.t += 1
        for m in [m for m in s.msgs if m[0] <= s.t]:
            s.msgs.remove(m); _, a, b, p = m
            if not b.up: continue
            if b.asleep > s.t: s.msgs.append((b.asleep, a, b, p)); continue
            if isinstance(p, tuple):
                if p[0] == 'DOWN': b.down.setdefault(p[1], s.t + (G if DEFECT != 'nograce' else 0))
                elif p[0] == 'HAND':
                    if s.reach(a, b): s.handed(a, b, p)
                elif p[0] == 'ACK':
                    o = b.own.get(p[1])
                    if o and o['rel'] is None: b.handed[p[1]] = p[2]; o.update(att=False, rel=p[2], reltime=s.t)
                elif p[0] == 'STOPPED':
                    for d, e in list(b.know.items()):
                        if d[0] == p[1] and e[0] == 'live': s.learn(b, (d, ('gone',) + e[1:5] + ('NodeStopped',)))
                else: b.up = False
                continue
            if frozenset((a.name, b.name)) not in s.cut:
                for ev in p: s.learn(b, ev)
        for a in s.n:
            if not a.up or a.asleep > s.t: continue
            if s.t % 4 == a.name % 4:
                b = s.r.choice([x for x in s.n if x is not a and s.reach(a, x)] or [a])
                for ev in list(b.know.items()): s.learn(a, ev)
            for sid, o in list(a.own.items()):
                c = s.c.get(sid); here = c and c['at'] is a and (c['tok'], c['n']) == (o['gen'], o['n'])
                if here: o['conf'] = True; o['half'] = None
                if o.get('half') and s.t >= o['half'] and not here: o.update(att=False, until=s.t + G, half=None)
                if o['rel'] and s.t > o['reltime'] + G: o['rel'] = None
                if not o['att'] and o['until'] and s.t >= o['until'] and sid in a.own: s.end(a, sid, 'GraceExpired')
            s.check_superseded(a); s.lacks(a)
        for a in s.n:
            if a.up and a.asleep <= s.t: s.observe(a)
    def run(s, ticks):
        for _ in range(ticks):
            x = s.r.random()
            if x < .25: s.open()
            elif x < .5 and s.c:
                sid = s.r.choice(list(s.c)); c = s.c[sid]
                if c['at']: s.op(sid)
            elif x < .503 and sum(n.up and not n.stopping for n in s.n) > 2: a = s.pick(); a and a.name and s.kill(a)
            elif x < .510 and sum(n.up and not n.stopping for n in s.n) > 2: a = s.pick(); a and a.name and s.stop(a)
            elif x < .516 and sum(n.up and not n.stopping for n in s.n) > 2: a = s.pick(); a and a.name and s.sleep(a)
            elif x < .55:
                for i, n in enumerate(s.n):
                    if not n.up: s.restart(i); break
            elif s.partitions and x < .56: s.cut ^= {frozenset(s.r.sample(range(4), 2))}
            elif x > .96:
                tabs = [sid for sid, c in s.c.items() if c['at'] and c['tok0']]
                if tabs: sid = s.r.choice(tabs); s.resume(sid, s.c[sid]['tok0'])
            s.clients(); s.step()
        s.cut = set()
        for _ in range(6): s.clients(); s.step()
        for i, n in enumerate(s.n):
            if not n.up: s.restart(i)
        for _ in range(4 * G): s.clients(now=True); s.step()
        truth = {(sid, k) for sid, c in s.c.items() if c['at'] for k in c['keys']}
        for a in s.n:
            if set(a.shown) != truth: s.bad.append(('list', a.name, 'ghost', sorted(set(a.shown) - truth)[:2], 'missing', sorted(truth - set(a.shown))[:2]))
        refs = [{p: v[2] for p, v in a.shown.items()} for a in s.n]
        if any(r != refs[0] for r in refs[1:]): s.bad.append(('refs differ',))
        if not s.partitions:
            seen = {}
            for t, k, p in s.events:
                if k == 'leave' and p[0] not in s.excused and p not in s.excused: s.bad.append(('flap', t, p))
                seen[(k, p)] = seen.get((k, p), 0) + 1
                if k == 'join' and seen[(k, p)] == 2 and p[0] not in s.excused and p not in s.excused: s.bad.append(('second join', t, p))
        return s.bad
    def clients(s, now=False):
        for sid, c in list(s.c.items()):
            if c.get('sup'): s.excused.add(sid); del s.c[sid]                           # told Superseded: joins anew
            elif c['at'] is None and (now or s.t >= c.get('back', s.t)): s.resume(sid)
            elif c['at'] is not None and (not c['at'].up or sid not in c['at'].own): c['at'] = None; c['away'] = min(c['away'], s.t)
if __name__ == '__main__':
    n = int(sys.argv[1]); viol = 0; kinds = {}; first = {}; joins = 0
    for seed in range(n):
        for part in (False, True):
            s = Sim(seed * 2 + part, part); b = s.run(150); joins += sum(e[1] == 'join' for e in s.events); viol += bool(b)
            for x in b: kinds[(part, x[0])] = kinds.get((part, x[0]), 0) + 1; first.setdefault((part, x[0]), (seed, x))
    print(f'{DEFECT or "as specified"}: {2 * n} histories, {joins} joins, {viol} with a violation', kinds or '', first or '')
