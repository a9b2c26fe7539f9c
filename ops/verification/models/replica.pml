/*
 * in_sync: leases.md, rule 11 and what rules 2, 4, 5, 7 say of `replica`.
 *
 * Is everything that was acknowledged there when a copy is promoted, a disk was lost, or in_sync is changing?
 *
 * Three nodes, one database. A chain is a number in base 4: one digit per changeset, the first one lowest; every write is a
 * changeset, and its digit is its checksum. What a leader proposed under an epoch may reach any follower late, again, or
 * never; so may acknowledgements and the statements that change in_sync. Time is left out: time.pml shows that a gate is
 * open only while the session has not ended.
 *
 * Bounds: WRITES writes (at most 3), MAX_EPOCH epochs (at most 3), DISKS lost disks, MAX_CONFIG changes of in_sync per epoch.
 */
#ifndef WRITES
#define WRITES 2
#endif
#ifndef MAX_EPOCH
#define MAX_EPOCH 3
#endif
#ifndef DISKS
#define DISKS 0
#endif
#ifndef MAX_CONFIG
#define MAX_CONFIG 2
#endif
#define NODES 3
#define nobody 3

mtype = { follower, promoted, leader };
mtype = { add, drop };

/* --- chains --- */
#define len(c) ((c > 15) -> 3 : ((c > 3) -> 2 : ((c > 0) -> 1 : 0)))
#define first(c, s) (c & ((1 << (2 * (s))) - 1))               /* its first s changesets */
#define contains(c, p) (first(c, len(p)) == p)
#define digit(c, s) ((c >> (2 * (s))) & 3)
#define flag(d) ((1 << d) & 14)                                /* a set of writes: bit d */
#define writesOf(c) (flag(digit(c, 0)) | flag(digit(c, 1)) | flag(digit(c, 2)))
#define subset(x, y) ((x & ~(y)) == 0)

/* --- the store --- */
byte holder;                                                   /* the node whose session the lease names */
byte epoch = 1;
bool over;                                                     /* that session has ended */
byte inSync = 3;                                               /* a set of copies; at first those of nodes 0 and 1 */
byte config;
byte published;                                                /* the chain in the bucket; its end is the head */

/* --- nodes --- */
mtype role[NODES] = follower;
byte  ownEpoch[NODES];                                         /* of a leader */
byte  chain[NODES];
byte  highest[NODES];                                          /* the highest epoch seen, on the disk */
byte  generation[NODES];                                       /* lost disks: a copy's identity is node and generation */
byte  lost;
byte  writes;

/* --- messages --- */
byte  proposed[4];                                             /* what the leader of an epoch sent, or sends yet */
byte  held[2 * NODES];                                         /* what a copy acknowledged to the present leader */
bool  changing, executed;                                      /* a change of in_sync was sent; it was executed */
mtype change = add;
byte  changed;                                                 /* the copy it is about */
bool  straying;                                                /* only with CHANGE_GIVEN_UP_BELIEVED: one that was given up */
mtype strayChange = add;
byte  strayChanged;

/* --- what the leader knows, and ghosts --- */
byte  sure;                                                    /* length of what it acknowledged to a writer or showed to a reader */
byte  acknowledged;                                            /* ghost: set of writes that anybody was told of */

#ifdef IN_SYNC_NAMES_NODES
#define copyOf(n) (n)
#else
#define copyOf(n) (n + NODES * generation[n])
#endif
#define member(set, c) ((set >> c) & 1)
#define one(c) (1 << c)
#define size(set) (member(set, 0) + member(set, 1) + member(set, 2) + member(set, 3) + member(set, 4) + member(set, 5))
#define leads(n) (role[n] == leader && holder == n && ownEpoch[n] == epoch && !over)

/* --- the rules, and what breaks them --- */
/* For whom an acknowledgement waits while a change is unresolved: the union. */
#if defined(DROP_BEFORE_CONFIRMATION)
#define waited ((changing && change == drop) -> (inSync & ~one(changed)) : (changing -> (inSync | one(changed)) : inSync))
#elif defined(NAIVE_ADD) || defined(ADD_WITHOUT_WAITING)
#define waited ((changing && change == add) -> (inSync & ~one(changed)) : (changing -> (inSync | one(changed)) : inSync))
#else
#define waited (changing -> (inSync | one(changed)) : inSync)
#endif
#define holds(c, s) (!member(waited, c) || c == copyOf(n) || held[c] >= s)
#define everybodyHolds(s) (holds(0, s) && holds(1, s) && holds(2, s) && holds(3, s) && holds(4, s) && holds(5, s))
/* "At least two", whichever way a change under way turns out. */
#ifdef COUNT_UNION
#define enough (size(waited) >= 2)
#else
#define enough (size(inSync) >= 2 && (!changing || size(inSync & ~one(changed)) >= 2 || change == add))
#endif
#define isPublished(n, s) (first(published, s) == first(chain[n], s) && len(published) >= s)
#define acknowledgeable(n, s) (isPublished(n, s) || (enough && everybodyHolds(s)))
#ifdef READ_UNACKNOWLEDGEABLE
#define readable(n) true
#else
#define readable(n) acknowledgeable(n, len(chain[n]))
#endif
#ifdef PROMOTE_ANY_COPY
#define promotable(n) true
#else
#define promotable(n) member(inSync, copyOf(n))
#endif
#if defined(NAIVE_ADD) || defined(ADD_WITHOUT_CATCHING_UP)
#define caughtUp(c) true
#else
#define caughtUp(c) (held[c] >= sure)
#endif
#ifdef LOWER_EPOCHS_ACCEPTED
#define accepts(n, e) true
#else
#define accepts(n, e) (e >= highest[n])
#endif
#ifdef SUFFIX_ALWAYS_REPLACED
#define keeps(n, e, s) false
#else
#define keeps(n, e, s) (first(chain[n], s) == first(proposed[e], s))
#endif

inline newEpoch(n) {
    epoch++; holder = n; over = false; config = 0;
    changing = false; executed = false; change = add; changed = 0; straying = false;
    held[0] = 0; held[1] = 0; held[2] = 0; held[3] = 0; held[4] = 0; held[5] = 0
}

inline nothingIsMissing(n) { assert(subset(acknowledged, writesOf(chain[n]))) }       /* KEPT */

#define takes(n, e, s) (role[n] == follower && e <= epoch && s <= len(proposed[e]) && accepts(n, e) && \
    (s == 0 || first(chain[n], s - 1) == first(proposed[e], s - 1)) && \
    (e > highest[n] || !keeps(n, e, s) || (e == epoch && held[copyOf(n)] < s)))
inline take(n, e, s) {
    if
    :: keeps(n, e, s)
    :: else -> chain[n] = first(proposed[e], s)                          /* a divergent suffix is replaced */
    fi;
    if :: e > highest[n] -> highest[n] = e :: else fi;
    if :: e == epoch && held[copyOf(n)] < s -> held[copyOf(n)] = s :: else fi;
    printf("node %d takes and acknowledges (epoch %d, changeset %d): chain %d\n", n, e, s, chain[n])
}

#define mayAdd(n, m) (leads(n) && !changing && config < MAX_CONFIG && m != n && !member(inSync, copyOf(m)) && caughtUp(copyOf(m)))
#define mayDrop(n, c) (leads(n) && !changing && config < MAX_CONFIG && c != copyOf(n) && member(inSync, c))
inline send(n, what, c) {
    changing = true; change = what; changed = c; printf("node %d sends: %e copy %d\n", n, what, changed)
}

#define mayTransfer(n, m) (leads(n) && published == chain[n] && epoch < MAX_EPOCH && m != n && role[m] == follower)
inline transfer(n, m) {
    role[n] = follower; ownEpoch[n] = 0; newEpoch(m); inSync = one(copyOf(m)); role[m] = promoted; ownEpoch[m] = epoch;
    printf("    store: node %d transfers to node %d, epoch %d\n", n, m, epoch)
}

proctype Node(byte n) {
    do
    /* --- leading --- */
    :: atomic { leads(n) && writes < WRITES ->
        writes++; chain[n] = chain[n] | (writes << (2 * len(chain[n]))); proposed[epoch] = chain[n];
        printf("node %d commits write %d\n", n, writes) }
    /* The acknowledgement, with the second gate. */
    :: atomic { leads(n) && len(chain[n]) > sure && acknowledgeable(n, sure + 1) ->
        sure++; printf("node %d acknowledges changeset %d, write %d; in_sync is %d\n", n, sure, digit(chain[n], sure - 1), inSync);
        assert(isPublished(n, sure) || size(inSync) >= 2);                           /* PROMISED: two copies, or the bucket */
        acknowledged = acknowledged | flag(digit(chain[n], sure - 1)) }
    /* A strong read: every changeset it saw is acknowledgeable. What it shows counts as told. */
    :: atomic { leads(n) && readable(n) && !subset(writesOf(chain[n]), acknowledged) ->
        printf("node %d answers a read with chain %d\n", n, chain[n]);
#ifndef ADD_FORGETS_READS
        if :: acknowledgeable(n, len(chain[n])) -> sure = len(chain[n]) :: else fi;
#endif
        acknowledged = acknowledged | writesOf(chain[n]) }
    :: atomic { leads(n) && published != chain[n] ->
        published = chain[n]; printf("node %d publishes up to %d\n", n, len(published)) }

    /* Rule 11: one change of in_sync at a time. */
    :: atomic { mayAdd(n, 0) -> send(n, add, copyOf(0)) }
    :: atomic { mayAdd(n, 1) -> send(n, add, copyOf(1)) }
    :: atomic { mayAdd(n, 2) -> send(n, add, copyOf(2)) }
    :: atomic { mayDrop(n, 0) -> send(n, drop, 0) }
    :: atomic { mayDrop(n, 1) -> send(n, drop, 1) }
    :: atomic { mayDrop(n, 2) -> send(n, drop, 2) }
    :: atomic { mayDrop(n, 3) -> send(n, drop, 3) }
    :: atomic { mayDrop(n, 4) -> send(n, drop, 4) }
    :: atomic { mayDrop(n, 5) -> send(n, drop, 5) }
    :: atomic { leads(n) && changing && executed -> changing = false; executed = false; change = add; changed = 0; printf("node %d knows that in_sync changed\n", n) }
    /* Rule 9: not applied, and made impossible. */
    :: atomic { leads(n) && changing && !executed && config < MAX_CONFIG ->
#ifdef CHANGE_GIVEN_UP_BELIEVED
        straying = true; strayChange = change; strayChanged = changed;
#else
        config++;
#endif
        changing = false; change = add; changed = 0; printf("node %d gives the change up, config %d\n", n, config) }

    /* Rule 7: everything is published; in_sync is the successor's copy. */
    :: atomic { mayTransfer(n, 0) -> transfer(n, 0) }
    :: atomic { mayTransfer(n, 1) -> transfer(n, 1) }
    :: atomic { mayTransfer(n, 2) -> transfer(n, 2) }

    /* --- taking over --- */
    /* Rule 4: only with the own copy in in_sync. */
    :: atomic { over && role[n] == follower && promotable(n) && epoch < MAX_EPOCH ->
        newEpoch(n); role[n] = promoted; ownEpoch[n] = epoch; printf("    store: node %d acquires epoch %d; in_sync is %d\n", n, epoch, inSync) }
    /* Rule 5: the local chain contains the head and its tail is published; or it is restored. */
    :: atomic { role[n] == promoted && holder == n && epoch == ownEpoch[n] && !over ->
        if
        :: contains(chain[n], published) -> published = chain[n]
        :: else -> chain[n] = published
        fi;
        highest[n] = epoch; role[n] = leader; proposed[epoch] = chain[n]; sure = len(chain[n]);
        printf("node %d leads epoch %d with chain %d\n", n, epoch, chain[n]);
        nothingIsMissing(n) }

    /* --- following --- */
    /* A proposal of epoch e, whenever it arrives: its changeset s follows on what is here. The acknowledgement carries
       (epoch, seq, checksum); it reaches the leader at once, because the leader may act on it as late as it likes. */
    :: atomic { takes(n, 1, 0) -> take(n, 1, 0) }
    :: atomic { takes(n, 1, 1) -> take(n, 1, 1) }
    :: atomic { takes(n, 1, 2) -> take(n, 1, 2) }
    :: atomic { takes(n, 2, 0) -> take(n, 2, 0) }
    :: atomic { takes(n, 2, 1) -> take(n, 2, 1) }
    :: atomic { takes(n, 2, 2) -> take(n, 2, 2) }
    :: atomic { takes(n, 3, 0) -> take(n, 3, 0) }
    :: atomic { takes(n, 3, 1) -> take(n, 3, 1) }
    :: atomic { takes(n, 3, 2) -> take(n, 3, 2) }
#if WRITES > 2
    :: atomic { takes(n, 1, 3) -> take(n, 1, 3) }
    :: atomic { takes(n, 2, 3) -> take(n, 2, 3) }
    :: atomic { takes(n, 3, 3) -> take(n, 3, 3) }
#endif
#ifdef ACKNOWLEDGE_BY_SEQ
    :: atomic { role[n] == follower && held[copyOf(n)] < len(chain[n]) ->
        held[copyOf(n)] = len(chain[n]); printf("node %d acknowledges up to %d\n", n, len(chain[n])) }
#endif

    /* --- faults --- */
    :: atomic { role[n] != follower && (over || holder != n) -> role[n] = follower; ownEpoch[n] = 0; printf("node %d starts again\n", n) }
    :: atomic { lost < DISKS ->
        lost++; generation[n]++; chain[n] = 0; highest[n] = 0; role[n] = follower; ownEpoch[n] = 0;
        if :: holder == n -> over = true :: else fi;
        printf("node %d loses its disk\n", n) }
    od
}

active proctype Store() {
    role[0] = leader; ownEpoch[0] = 1; highest[0] = 1;
    run Node(0); run Node(1); run Node(2);
    do
    :: atomic { !over -> over = true; printf("    store: the session of node %d is ended\n", holder) }
    /* The change that was sent; conditional on (session, epoch, config_version), which newEpoch and rule 9 move on. */
    :: atomic { changing && !executed && !over && config < MAX_CONFIG ->
        executed = true; config++;
        if
        :: change == add -> inSync = inSync | one(changed)
        :: else -> inSync = inSync & ~one(changed)
        fi;
        printf("    store: in_sync is %d\n", inSync) }
    :: atomic { straying && !over ->
        straying = false;
        if
        :: strayChange == add -> inSync = inSync | one(strayChanged)
        :: else -> inSync = inSync & ~one(strayChanged)
        fi;
        printf("    store: in_sync is %d\n", inSync) }
    od
}

#ifdef WITNESS
/* Each must be reachable, or the claims would hold of nothing. */
active proctype Witness() {
#if WITNESS == 1        /* two copies acknowledge without the bucket, the leader is gone, the other is promoted and leads */
    atomic { acknowledged == 2 && published == 0 && over };
    atomic { role[1] == leader && chain[1] == 1 && holder == 1 -> assert(false) }
#elif WITNESS == 2      /* a copy is added, and a write is acknowledged by three */
    atomic { inSync == 7 && acknowledged == 0 && !changing && published == 0 };
    atomic { inSync == 7 && acknowledged == 2 && published == 0 && !changing && epoch == 1 -> assert(false) }
#elif WITNESS == 3      /* a follower's divergent suffix is replaced, and the write of the new epoch acknowledged */
    atomic { chain[0] == 1 && role[0] == follower && role[1] == leader && chain[1] == 2 && epoch == 2 };
    atomic { chain[0] == 2 && acknowledged == 4 && published == 0 -> assert(false) }
#elif WITNESS == 4      /* a dead member is dropped, and the leader goes on with the bucket alone */
    atomic { epoch == 1 && inSync == 1 && acknowledged == 0 && !changing };
    atomic { epoch == 1 && inSync == 1 && acknowledged == 2 && published == 1 -> assert(false) }
#elif WITNESS == 5      /* a lost copy comes back empty, is added under its new identity, and is promoted */
    atomic { generation[1] == 1 && member(inSync, 4) && over };
    atomic { role[1] == leader && holder == 1 && acknowledged == 2 && generation[0] == 0 -> assert(false) }
#endif
}
#endif
