/*
 * Store generation: leases.md, rule 12 (with 13), durability `bucket`.
 *
 * A Postgres that lost its last transactions takes over. Is what was acknowledged still there, and does nobody answer
 * under an epoch that another used?
 *
 * Two nodes, one database; the standby lags as far as it likes. Every write is a changeset in an object of its own, a chain
 * is a number in base 4, one digit per write, as in replica.pml. A gate that is open closes by itself, some time later.
 * The former Postgres answers nobody any more: that is the operator's part of rule 12.
 *
 * Bounds: WRITES writes, STEPS changes of the holder per generation, one replaced Postgres.
 */
#ifndef WRITES
#define WRITES 2
#endif
#ifndef STEPS
#define STEPS 2
#endif
#define nobody 2
#define STRIDE (STEPS + 1)                                     /* epochs of one generation */

#define len(c) ((c > 15) -> 3 : ((c > 3) -> 2 : ((c > 0) -> 1 : 0)))
#define first(c, s) (c & ((1 << (2 * (s))) - 1))
#define contains(c, p) (first(c, len(p)) == p)
#define append(c, w) (c | ((w) << (2 * len(c))))
#define digit(c, s) ((c >> (2 * (s))) & 3)
#define flag(d) ((1 << d) & 14)
#define writesOf(c) (flag(digit(c, 0)) | flag(digit(c, 1)) | flag(digit(c, 2)))
#define subset(x, y) ((x & ~(y)) == 0)

/* --- the store that answers, and the standby --- */
bool  replaced, adopted;                                       /* the standby took over; its contents were adopted */
byte  holder = nobody, epoch, head;
bool  holderEnded;
byte  laggingHolder = nobody, laggingEpoch, laggingHead;
bool  laggingEnded;
byte  taken;                                                   /* acquisitions in this generation */

/* --- nodes --- */
bool  gate[2] = true;                                          /* open; a session of the generation below */
bool  newSession[2];                                           /* its session was opened after the adoption */
byte  ownEpoch[2];                                             /* 0: does not serve */
byte  file[2];                                                 /* the local chain */
byte  base[2];                                                 /* its published part */
byte  writes;

/* --- the bucket: object w holds the changeset of write w --- */
bool  put[4], stored[4];                                       /* put: its PUT was sent */
byte  objectEpoch[4], objectChain[4];                          /* in its footer: the epoch, and the chain up to it */
byte  tombstone, laggingTombstone, deleting;                   /* writes whose object is swept; 0: none */
byte  pinned;                                                  /* writes the adoption stored anew, under names of its own */

/* --- ghosts --- */
byte  acknowledged;
byte  newest;
byte  writer[2 * STRIDE + 1];                                  /* node + 1 */

/* --- the rules, and what breaks them --- */
#if defined(GENERATION_NOT_CHECKED)
#define mayRenew(n) true
#define mayState(n) true
#elif defined(ONLY_RENEWALS_CHECKED)
#define mayRenew(n) (newSession[n] == replaced && adopted == replaced)
#define mayState(n) true
#else
#define mayRenew(n) (newSession[n] == replaced && adopted == replaced)
#define mayState(n) (newSession[n] == replaced && adopted == replaced)
#endif
#ifdef ADOPTED_EARLY
#define gatesAreClosed true
#else
#define gatesAreClosed (!gate[0] && !gate[1])
#endif

#define isThere(d) (d == 0 || stored[d] || (flag(d) & pinned) != 0)

inline answers(n) {
    printf("%c answers under epoch %d\n", 65 + n, ownEpoch[n]);
    assert(writer[ownEpoch[n]] == 0 || writer[ownEpoch[n]] == n + 1);     /* ONE-WRITER */
    assert(ownEpoch[n] >= newest);                                        /* FRESH */
    writer[ownEpoch[n]] = n + 1; newest = ownEpoch[n]
}
inline nothingIsMissing(n) {
    assert(subset(acknowledged, writesOf(file[n])));                      /* KEPT */
    assert(isThere(digit(base[n], 0)) && isThere(digit(base[n], 1)))      /* STORED */
}
inline close(n) { gate[n] = false; ownEpoch[n] = 0; file[n] = 0; base[n] = 0 }

proctype Node(byte n) {
    do
    /* Rules 4 and 5. */
    :: atomic { gate[n] && mayState(n) && (holder == nobody || holderEnded) && taken < STEPS ->
        holder = n; holderEnded = false; epoch++; taken++;
        ownEpoch[n] = epoch; file[n] = head; base[n] = head; printf("%c acquires epoch %d and serves chain %d\n", 65 + n, epoch, head);
        nothingIsMissing(n) }
    /* Answers that need no publish: reads, and the writes of a `local` database. */
    :: atomic { gate[n] && ownEpoch[n] != 0 && newest <= ownEpoch[n] && writer[ownEpoch[n]] != n + 1 -> answers(n); nothingIsMissing(n) }
    :: atomic { gate[n] && ownEpoch[n] != 0 && newest > ownEpoch[n] -> answers(n) }
    /* Write, PUT, publish, acknowledge. */
    :: atomic { gate[n] && ownEpoch[n] != 0 && writes < WRITES && file[n] == base[n] ->
        writes++; file[n] = append(file[n], writes); put[writes] = true; objectEpoch[writes] = ownEpoch[n]; objectChain[writes] = file[n];
        printf("%c commits write %d under epoch %d and sends its object\n", 65 + n, writes, ownEpoch[n]) }
    :: atomic { ownEpoch[n] != 0 && file[n] != base[n] && stored[digit(file[n], len(base[n]))] && mayState(n) ->
        if
        :: holder == n && epoch == ownEpoch[n] && head == base[n] && tombstone != digit(file[n], len(base[n])) ->
            head = file[n]; base[n] = file[n]; printf("    store: %c publishes chain %d\n", 65 + n, head);
            if :: gate[n] -> answers(n); acknowledged = acknowledged | writesOf(file[n]); printf("%c acknowledges\n", 65 + n) :: true fi
        :: holder == n && epoch == ownEpoch[n] && head != base[n] && head != file[n] ->
            file[n] = head; base[n] = head; printf("%c finds head %d, and goes back to it\n", 65 + n, head)
        :: else -> skip
        fi }
    :: atomic { ownEpoch[n] != 0 && file[n] == base[n] && holder == n && epoch == ownEpoch[n] && !holderEnded && mayState(n) ->
        ownEpoch[n] = 0; file[n] = 0; base[n] = 0; holder = nobody; printf("%c releases\n", 65 + n) }
    /* Time: without a renewal the gate closes. A session that ended is over; a new one needs an adopted store. */
    :: atomic { gate[n] -> close(n); if :: holder == n -> holderEnded = true :: true fi; printf("%c's gate closes\n", 65 + n) }
    :: atomic { !gate[n] && mayRenew(n) && (holder != n || holderEnded) -> gate[n] = true; printf("%c has a session again\n", 65 + n) }
    :: atomic { !gate[n] && replaced && adopted && !newSession[n] -> newSession[n] = true; gate[n] = true; printf("%c opens a session in the adopted store\n", 65 + n) }
    od
}

active proctype World() {
    byte w, best, bestEpoch, top;
    run Node(0); run Node(1);
    do
    /* A PUT arrives, however late. */
    :: atomic { select(w : 1 .. WRITES); if :: put[w] -> put[w] = false; stored[w] = true; printf("object %d is stored\n", w) :: else fi; w = 0 }
    /* Rule 13: an object that was not published gets a tombstone, and is deleted some time later. */
    :: atomic { !replaced && tombstone == 0 -> select(w : 1 .. WRITES);
        if :: stored[w] && !subset(flag(w), writesOf(head)) -> tombstone = w; deleting = w; printf("    store: object %d has a tombstone\n", w) :: else fi; w = 0 }
    :: atomic { deleting != 0 -> stored[deleting] = false; printf("object %d is deleted\n", deleting); deleting = 0 }
    /* The standby follows, late. */
    :: atomic { !replaced -> laggingHolder = holder; laggingEpoch = epoch; laggingHead = head; laggingEnded = holderEnded; laggingTombstone = tombstone }
    :: atomic { !replaced ->
        replaced = true; holder = laggingHolder; epoch = laggingEpoch; head = laggingHead; holderEnded = laggingEnded; tombstone = laggingTombstone; taken = 0;
        laggingHolder = nobody; laggingEpoch = 0; laggingHead = 0; laggingEnded = false; laggingTombstone = 0;
        printf("    the standby takes over: holder %d, epoch %d, head %d\n", holder, epoch, head) }
    /* Rule 12: adoption. Of the chains that continue the head, the one that reaches the highest epoch, then the longest. */
    :: atomic { replaced && !adopted && gatesAreClosed ->
        best = head; bestEpoch = 0; top = epoch;
#ifndef HEADS_NOT_CHECKED
        for (w : 1 .. WRITES) {
            if
            :: stored[w] && w != tombstone ->
                if :: objectEpoch[w] > top -> top = objectEpoch[w] :: else fi;
                if
                :: contains(objectChain[w], head) && (len(objectChain[w]) == len(head) + 1 || stored[digit(objectChain[w], len(head))]) && (objectEpoch[w] > bestEpoch || (objectEpoch[w] == bestEpoch && len(objectChain[w]) > len(best))) ->
                    best = objectChain[w]; bestEpoch = objectEpoch[w]
                :: else
                fi
            :: else
            fi
        }
#endif
        head = best;
#ifdef EPOCHS_ABOVE_FOOTERS_ONLY
        epoch = top + 1;
#else
        epoch = STRIDE;                                        /* above any that the lost transactions can have used */
#endif
#ifndef ADOPTED_IN_PLACE
        pinned = writesOf(best);
#endif
        holder = nobody; holderEnded = false; adopted = true; w = 0; best = 0; bestEpoch = 0; top = 0;
        printf("    the store is adopted: epoch %d, head %d\n", epoch, head) }
    od
}

#ifdef WITNESS
/* Each must be reachable, or the claims would hold of nothing. */
active proctype Witness() {
#if WITNESS == 1        /* the standby forgot an acknowledged write, the adoption brings it back, and another node serves it */
    atomic { replaced && head == 0 && acknowledged == 2 && !adopted };
    atomic { adopted && ownEpoch[1] > STRIDE && file[1] == 1 -> assert(false) }
#elif WITNESS == 2      /* after the adoption a write is acknowledged on top of what was there */
    atomic { replaced && !adopted && acknowledged == 2 };
    atomic { adopted && head == 9 && acknowledged == 6 -> assert(false) }
#endif
}
#endif
