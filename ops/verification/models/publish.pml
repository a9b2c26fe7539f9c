/*
 * Publish, transfer, release, takeover: leases.md, rules 4 to 9, durabilities `bucket` (default) and `local` (-DLOCAL).
 *
 * Is everything that was acknowledged there when anybody serves? Do the segments fork?
 *
 * Two nodes, one database. A position of the chain is its number and the set of writes in it: the set stands for the
 * checksum. Statements execute late, twice or never, and replies are lost. A node has one changeset under way, with one
 * statement that may execute as often as it likes; of what it sent before and gave up, one publish and one transfer may
 * execute at any later time. Time is left out: time.pml shows that a gate is open only while the session has not ended.
 *
 * With -DDISK a process's files outlive it, or are lost with it: rule 5, "after a crash on a healthy disk". What such a node was told is kept must
 * then be there when it serves again, and what a leader was without does not come back after it.
 *
 * Bounds: WRITES writes, MAX_EPOCH epochs, ENDS sessions that end while their process lives on or by its death.
 */
#ifndef WRITES
#define WRITES 2
#endif
#ifndef MAX_EPOCH
#define MAX_EPOCH 3
#endif
#ifndef ENDS
#define ENDS 2
#endif

#define A 0
#define B 1
#define nobody 2
#define other(n) (1 - n)

mtype = { none, catching, serving, draining, leaving };      /* a tenant; catching: publishes what was left; leaving: a transfer or a release was sent */
mtype = { unsent, sent, matched, unmatched };      /* the publish of the changeset under way */

/* --- the store --- */
byte holder = nobody, holderLife;
byte epoch;
byte headSeq, headSet;
byte segment[WRITES + 2];                          /* what the published chain holds up to each position */

/* --- sessions: a node's present life, and whether its session has ended; former lives have --- */
byte life[2];
bool ended[2];
byte ends;

/* --- tenants --- */
mtype state[2] = none;
byte  ownEpoch[2];
byte  baseSeq[2], baseSet[2];                      /* the published end of the chain, as the node knows it */
byte  file[2];                                     /* the writes in the local file */
bool  hasCut[2];
byte  cutSet[2];                                   /* the changeset under way leads from base to (baseSeq + 1, cutSet) */
mtype publish[2] = unsent;
byte  waiting[2];                                  /* the write whose acknowledgement is owed; 0: none */
byte  writes;

/* --- statements that were given up and may execute yet --- */
typedef Publication { bool on; byte pLife, pEpoch, pSeq, pSet, pNext };
typedef Leave { bool on; byte pLife, pEpoch, pSeq, to };
Publication stray[2];
Leave leave[2];

/* --- ghost: what anybody was told is kept --- */
byte acknowledged;

#ifdef DISK
/* --- what a process that died left on its disk, with its watermark: the published end it knew, the changeset under way, the file --- */
bool left[2];
byte leftEpoch[2], leftSeq[2], leftSet[2], leftCut[2], leftFile[2];
byte told, gone;                                   /* ghost: what was ever told, and of that what a leader was without */
#endif

#define bit(w) (1 << (w - 1))
#define subset(x, y) ((x & ~(y)) == 0)
#define hasEnded(n, l) (life[n] != l || ended[n])
#define isMine(n) (holder == n && holderLife == life[n])
#define leads(n) (isMine(n) && epoch == ownEpoch[n] && !ended[n])
#define isFree (holder == nobody || hasEnded(holder, holderLife))

/* --- the rules, and what breaks them --- */
#ifdef PUBLISH_WITHOUT_SESSION
#define sessionMatches(n, l) true
#else
#define sessionMatches(n, l) (holder == n && holderLife == l)
#endif
#ifdef PUBLISH_WITHOUT_EPOCH
#define epochMatches(e) true
#else
#define epochMatches(e) (epoch == e)
#endif
#ifdef PUBLISH_WITHOUT_HEAD
#define headMatches(s, x) true
#else
#define headMatches(s, x) (headSeq == s && headSet == x)
#endif
#ifdef DISK
#define headIsLeft(n) ((headSeq == leftSeq[n] && headSet == leftSet[n]) || (leftCut[n] != 0 && headSeq == leftSeq[n] + 1 && headSet == leftCut[n]))
#if defined(WATERMARK_OF_ANY_HEAD)
#define fits(n, e) true
#elif defined(WATERMARK_WITHOUT_EPOCH)
#define fits(n, e) headIsLeft(n)
#else
#define fits(n, e) ((e) == leftEpoch[n] + 1 && headIsLeft(n))           /* rule 5: nobody led since, and the head is where the file goes on from */
#endif
#define proven(n, e) (left[n] && fits(n, e))
#else
#define proven(n, e) false
#endif
#ifdef TRANSFER_WITHOUT_HEAD_SEQ
#define leaveMatches(s) true
#else
#define leaveMatches(s) (headSeq == s)
#endif
#ifdef TRANSFER_WITHOUT_PUBLISH
#define mayTransfer(n) true
#else
#define mayTransfer(n) (file[n] == baseSet[n] && !hasCut[n])            /* rule 7 */
#endif
#ifdef RELEASE_WITHOUT_PUBLISH
#define mayRelease(n) true
#else
#define mayRelease(n) (file[n] == baseSet[n] && !hasCut[n])             /* rule 8 */
#endif
#if defined(LOCAL) || defined(ACKNOWLEDGE_BEFORE_PUBLISH)
#define durable(n, w) true
#else
#define durable(n, w) subset(bit(w), baseSet[n])
#endif
#if defined(LOCAL) || defined(READ_UNACKNOWLEDGEABLE)
#define readable(n) true
#else
#define readable(n) subset(file[n], baseSet[n])                         /* rule 2, the last sentence */
#endif

inline drop(n) {
    state[n] = none; ownEpoch[n] = 0; hasCut[n] = false; cutSet[n] = 0; publish[n] = unsent; waiting[n] = 0;
#ifndef SERVE_WITHOUT_HEAD
    file[n] = 0; baseSeq[n] = 0; baseSet[n] = 0
#else
    if :: file[n] != baseSet[n] -> file[n] = baseSet[n] :: else fi
#endif
}

/* What is under way is given up; its publish may execute yet. */
inline stray_(n) {
    if
    :: publish[n] != unsent ->
        stray[n].on = true; stray[n].pLife = life[n]; stray[n].pEpoch = ownEpoch[n];
        stray[n].pSeq = baseSeq[n]; stray[n].pSet = baseSet[n]; stray[n].pNext = cutSet[n]
    :: true
    fi
}

/* The two claims about data. */
inline nothingIsMissing(n) {
    assert(subset(acknowledged, file[n]))                               /* KEPT */
}
inline answers(n) {
    assert(leads(n))                                                    /* LEADS */
}

inline tells(set) {
#ifdef DISK
    told = told | set
#else
    skip
#endif
}

/* Whoever begins to serve shows what it has; what it has not is gone for whoever looks. */
inline begins(n) {
#ifdef DISK
    if
    :: !ended[n] ->
        assert((file[n] & gone) == 0);                                  /* GONE */
        gone = gone | (told & ~file[n])
    :: else
    fi;
#endif
    if :: !ended[n] -> nothingIsMissing(n) :: else fi
}

inline forgetsDisk(n) {
#ifdef DISK
    left[n] = false; leftEpoch[n] = 0; leftSeq[n] = 0; leftSet[n] = 0; leftCut[n] = 0; leftFile[n] = 0
#else
    skip
#endif
}

/* A process dies; the files stay, or go with it. After a power loss they may end earlier than what was written. */
inline leaves(n) {
#ifdef DISK
    if
    :: state[n] != none ->
        left[n] = true; leftEpoch[n] = ownEpoch[n]; leftSeq[n] = baseSeq[n]; leftSet[n] = baseSet[n]; leftCut[n] = cutSet[n]; leftFile[n] = file[n]
    :: state[n] == none
    :: true -> forgetsDisk(n)
#ifdef WATERMARK_AFTER_POWER_LOSS
    :: left[n] -> leftFile[n] = 0
#endif
    fi
#else
    skip
#endif
}

inline advance(n, from, to) {
    assert((segment[from + 1] == 0 || segment[from + 1] == to) && subset(segment[from], to));    /* NO-FORK */
    headSeq = from + 1; headSet = to; segment[from + 1] = to;
    printf("    store: %c publishes %d: writes %d\n", 65 + n, headSeq, headSet)
}

/* Rule 6: the statement. `mine` says whether its sender may still hear of it. */
inline execute(n, l, e, q, x, y, mine) {
    if
    :: sessionMatches(n, l) && epochMatches(e) && headMatches(q, x) ->
        advance(n, q, y);
        if :: mine -> publish[n] = matched :: else fi
    :: else ->
        if :: mine -> publish[n] = unmatched :: else fi
    fi
}

inline forget(n) { stray[n].on = false; stray[n].pLife = 0; stray[n].pEpoch = 0; stray[n].pSeq = 0; stray[n].pSet = 0; stray[n].pNext = 0 }
inline forgetLeave(n) { leave[n].on = false; leave[n].pLife = 0; leave[n].pEpoch = 0; leave[n].pSeq = 0; leave[n].to = 0 }

/* Rules 7 and 8. */
inline executeLeave(n) {
    if
    :: holder == n && holderLife == leave[n].pLife && epoch == leave[n].pEpoch && leaveMatches(leave[n].pSeq) ->
        if
        :: leave[n].to == nobody -> holder = nobody; holderLife = 0; printf("    store: %c releases\n", 65 + n)
        :: leave[n].to != nobody && !ended[other(n)] && epoch < MAX_EPOCH ->
            holder = other(n); holderLife = life[other(n)]; epoch++; printf("    store: %c transfers, epoch %d\n", 65 + n, epoch)
        :: else
        fi
    :: else
    fi;
    forgetLeave(n)
}

/* Rule 4. What `local` may lose is what was not published when leadership changes without a transfer or a release. */
inline grant(n) {
#ifdef LOCAL
    if
#ifdef DISK
    :: holder != nobody && proven(n, epoch + 1) -> acknowledged = acknowledged & (headSet | leftFile[n])
    :: holder != nobody && !proven(n, epoch + 1) -> acknowledged = acknowledged & headSet
#else
    :: holder != nobody -> acknowledged = acknowledged & headSet
#endif
    :: else
    fi;
#endif
    holder = n; holderLife = life[n]; epoch++; printf("    store: %c acquires epoch %d\n", 65 + n, epoch)
}

inline nowPublished(n) {
    baseSeq[n]++; baseSet[n] = cutSet[n]; hasCut[n] = false; cutSet[n] = 0; publish[n] = unsent;
    printf("%c knows that changeset %d is published\n", 65 + n, baseSeq[n])
}

proctype Node(byte n) {
    do
    /* Rule 4: it reads that it holds the lease, as the reply of its acquire or by looking. Rule 5: it brings its copy to the head. */
    :: atomic { state[n] == none && isMine(n) && !proven(n, epoch) ->
        state[n] = serving; ownEpoch[n] = epoch;
#ifndef SERVE_WITHOUT_HEAD
        baseSeq[n] = headSeq; baseSet[n] = headSet; file[n] = headSet;
#endif
        forgetsDisk(n);
        printf("%c serves epoch %d from %d, writes %d\n", 65 + n, epoch, baseSeq[n], file[n]);
        begins(n) }
#ifdef DISK
    /* Rule 5, its last part: it goes on with what its former life left, and serves once that is published. */
    :: atomic { state[n] == none && isMine(n) && proven(n, epoch) ->
        state[n] = catching; ownEpoch[n] = epoch; baseSeq[n] = headSeq; baseSet[n] = headSet; file[n] = leftFile[n];
        printf("%c goes on in epoch %d from %d with writes %d\n", 65 + n, epoch, baseSeq[n], file[n]);
        forgetsDisk(n) }
    :: atomic { state[n] == catching && !hasCut[n] && file[n] == baseSet[n] ->
        state[n] = serving; printf("%c has published what was left, and serves writes %d\n", 65 + n, file[n]);
        begins(n) }
#endif

    /* A write: commit; later the acknowledgement, when it is durable and the second gate is open. */
    :: atomic { state[n] == serving && !ended[n] && waiting[n] == 0 && writes < WRITES ->
        writes++; file[n] = file[n] | bit(writes); waiting[n] = writes; printf("%c commits write %d\n", 65 + n, bit(writes)) }
    :: atomic { waiting[n] != 0 && state[n] == serving && !ended[n] && durable(n, waiting[n]) ->
        printf("%c acknowledges write %d\n", 65 + n, bit(waiting[n]));
        answers(n); tells(bit(waiting[n])); acknowledged = acknowledged | bit(waiting[n]); waiting[n] = 0 }
    :: atomic { waiting[n] != 0 -> waiting[n] = 0 }                     /* outcome unknown */
    /* A strong read. What it shows counts as told. */
    :: atomic { state[n] == serving && !ended[n] && file[n] != 0 && readable(n) && !subset(file[n], acknowledged) ->
        printf("%c answers a read with writes %d\n", 65 + n, file[n]);
        answers(n); nothingIsMissing(n); tells(file[n]); acknowledged = acknowledged | file[n] }

    /* Rule 6: cut, publish, publish the identical again. */
    :: atomic { (state[n] == catching || state[n] == serving || state[n] == draining) && !hasCut[n] && file[n] != baseSet[n] ->
        hasCut[n] = true; cutSet[n] = file[n]; printf("%c cuts changeset %d: writes %d\n", 65 + n, baseSeq[n] + 1, cutSet[n]) }
    :: atomic { hasCut[n] && publish[n] == unsent -> publish[n] = sent; printf("%c sends its publish\n", 65 + n) }
    :: atomic { publish[n] == matched || publish[n] == unmatched -> publish[n] = sent; printf("%c hears nothing and sends it again\n", 65 + n) }
#ifdef RECUT
    :: atomic { publish[n] == sent && cutSet[n] != file[n] ->
        stray_(n); cutSet[n] = file[n]; publish[n] = unsent; printf("%c cuts changeset %d anew: writes %d\n", 65 + n, baseSeq[n] + 1, cutSet[n]) }
#endif
    :: atomic { publish[n] == matched -> nowPublished(n) }
    :: atomic { publish[n] == unmatched ->                              /* re-read the row */
        if
#ifdef NO_MATCH_IS_FENCED
        :: true -> printf("%c believes it is fenced\n", 65 + n); drop(n)
#else
        :: !(isMine(n) && epoch == ownEpoch[n]) -> printf("%c is fenced\n", 65 + n); drop(n)
        :: isMine(n) && epoch == ownEpoch[n] && headSeq == baseSeq[n] + 1 && headSet == cutSet[n] -> nowPublished(n)
        :: isMine(n) && epoch == ownEpoch[n] && headSeq == baseSeq[n] && headSet == baseSet[n] -> publish[n] = sent
        :: else -> printf("%c finds a head that is not on its chain\n", 65 + n); drop(n)
#endif
        fi }
    /* A copy of a publish that was answered may execute yet. */
    :: atomic { publish[n] == sent && !stray[n].on -> stray_(n) }

    /* Rules 7 and 8: quiesce, publish, then hand over or release. It may be taken back as long as nothing was sent. */
    :: atomic { state[n] == serving -> state[n] = draining; waiting[n] = 0; printf("%c quiesces\n", 65 + n) }
    :: atomic { state[n] == draining -> state[n] = serving }
    :: atomic { state[n] == draining && mayTransfer(n) && epoch < MAX_EPOCH ->
        leave[n].on = true; leave[n].pLife = life[n]; leave[n].pEpoch = ownEpoch[n]; leave[n].pSeq = baseSeq[n]; leave[n].to = other(n);
        state[n] = leaving; printf("%c sends a transfer\n", 65 + n) }
    :: atomic { state[n] == draining && mayRelease(n) ->
        leave[n].on = true; leave[n].pLife = life[n]; leave[n].pEpoch = ownEpoch[n]; leave[n].pSeq = baseSeq[n]; leave[n].to = nobody;
        state[n] = leaving; printf("%c sends a release\n", 65 + n) }
    :: atomic { state[n] == leaving && !isMine(n) -> drop(n); printf("%c knows that it left\n", 65 + n) }
    /* Rule 9: before it goes on it makes what it sent impossible. */
#ifdef READ_BACK_BELIEVED
    :: atomic { state[n] == leaving && isMine(n) && epoch == ownEpoch[n] ->
        state[n] = serving; printf("%c reads that it did not leave, and goes on\n", 65 + n) }
#else
    :: atomic { state[n] == leaving && isMine(n) && epoch < MAX_EPOCH ->
        epoch++;
        if
        :: ownEpoch[n] = epoch;
            if
            :: headSeq == baseSeq[n] && headSet == baseSet[n]
            :: else -> baseSeq[n] = headSeq; baseSet[n] = headSet; file[n] = headSet
            fi;
            state[n] = serving; printf("%c raises its epoch to %d and goes on\n", 65 + n, epoch)
        :: printf("%c raises its epoch to %d and does not hear of it\n", 65 + n, epoch)
        fi }
#endif

    /* A session ends: seen as silent while the process lives on with its gate closed; or by the process's death. */
    :: atomic { !ended[n] && ends < ENDS -> ended[n] = true; ends++; printf("    store: %c's session is ended\n", 65 + n) }
    :: atomic { ended[n] || ends < ENDS ->
        if :: ended[n] :: else -> ends++ fi;
        stray_(n); leaves(n); drop(n); life[n]++; ended[n] = false; printf("%c dies; its next life begins\n", 65 + n) }
    od
}


/* Statements on their way, whenever they execute, and those that never do. */
active proctype Store() {
    run Node(A); run Node(B);
    do
    :: atomic { publish[A] == sent -> execute(A, life[A], ownEpoch[A], baseSeq[A], baseSet[A], cutSet[A], true) }
    :: atomic { publish[B] == sent -> execute(B, life[B], ownEpoch[B], baseSeq[B], baseSet[B], cutSet[B], true) }
    :: atomic { stray[A].on -> execute(A, stray[A].pLife, stray[A].pEpoch, stray[A].pSeq, stray[A].pSet, stray[A].pNext, false); forget(A) }
    :: atomic { stray[B].on -> execute(B, stray[B].pLife, stray[B].pEpoch, stray[B].pSeq, stray[B].pSet, stray[B].pNext, false); forget(B) }
    :: atomic { stray[A].on -> forget(A) }
    :: atomic { stray[B].on -> forget(B) }
    :: atomic { leave[A].on -> executeLeave(A) }
    :: atomic { leave[B].on -> executeLeave(B) }
    :: atomic { leave[A].on -> forgetLeave(A) }
    :: atomic { leave[B].on -> forgetLeave(B) }
    :: atomic { isFree && !ended[A] && epoch < MAX_EPOCH -> grant(A) }
    :: atomic { isFree && !ended[B] && epoch < MAX_EPOCH -> grant(B) }
    od
}

#ifdef WITNESS
/* Each must be reachable, or the claims would hold of nothing. */
active proctype Witness() {
#if WITNESS == 1        /* a write is acknowledged, its node's session ends, the other acknowledges one in the next epoch */
    atomic { acknowledged == 1 && holder == A && !ended[A] };
    atomic { ended[A] && state[B] == serving && acknowledged == 3 && headSet == 3 -> assert(false) }
#elif WITNESS == 2      /* a transfer finishes, no session having ended, and the successor acknowledges a write */
    atomic { acknowledged == 1 && holder == A && state[A] == leaving };
    atomic { ends == 0 && isMine(B) && state[B] == serving && acknowledged == 3 -> assert(false) }
#elif WITNESS == 3      /* a publish whose reply was lost, found to have happened */
    atomic { publish[A] == unmatched && isMine(A) && epoch == ownEpoch[A] && headSet == cutSet[A] && ends == 0 };
    atomic { baseSet[A] == 1 && acknowledged == 1 && ends == 0 -> assert(false) }
#elif WITNESS == 4      /* a transfer without an answer; the holder goes on under the next epoch and acknowledges */
    atomic { state[A] == leaving && ownEpoch[A] == 1 };
    atomic { ends == 0 && ownEpoch[A] == 2 && state[A] == serving && leave[A].on && acknowledged == 1 -> assert(false) }
#elif WITNESS == 5      /* a publish of a session that has ended advances the head, and the successor keeps what it carried */
    atomic { ended[A] && publish[A] == sent && headSet == 0 && isMine(A) };
    atomic { headSet == 1 && state[B] == serving && file[B] == 1 -> assert(false) }
#elif WITNESS == 6      /* a write is acknowledged and not published, its node dies, comes back first, and has published it when it serves */
    atomic { acknowledged == 1 && holder == A && headSet == 0 && life[A] == 0 };
    atomic { life[A] == 1 && holder == A && state[A] == catching && headSet == 0 };
    atomic { state[A] == serving && headSet == 1 && acknowledged == 1 && file[A] == 1 -> assert(false) }
#endif
}
#endif
