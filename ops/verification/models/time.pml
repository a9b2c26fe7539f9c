/*
 * Time and gates: leases.md, Terms (clocks) and rules 1, 2, 3, 4 (acquire, poll) and 7 as far as a gate sees it.
 *
 * May an answer leave a node at an instant at which, by the store, another may lead or already does?
 *
 * One database. Node A is the one whose time is modelled: renewals, deadline, pauses, end. Node B is the one that takes
 * over and back. Each loop lists what may happen next; a process that is not chosen for a while is paused, and time
 * passes meanwhile. Timers count down or saturate, so time has no bound; what is bounded: MAX_EPOCH changes of the
 * holder, one session of A, one request of A at a time (requests do not touch each other here), drift (below).
 *
 * Statements and replies travel as long as they like, or never arrive. Most need no variable of their own for that:
 * one that may execute at any later time is an event of the store that may happen at any later time.
 */

#ifndef TTL
#ifndef TTL
#define TTL 4
#endif
#endif                             /* ticks */
#ifdef SMALL_MARGIN
#define MARGIN 1
#else
#define MARGIN 2                          /* drift: one tick that a slow node misses, one that a fast observer gains */
#endif
#define OTHER_TTL (TTL - MARGIN)          /* only with OBSERVER_HAS_A_TTL_OF_ITS_OWN: that of a process which was told less */
#define OPEN_FOR (TTL - MARGIN)           /* how long one renewal keeps the gate open, from its sending */
#ifndef MAX_EPOCH
#define MAX_EPOCH 4
#endif

mtype = { nobody, A, B };                 /* whom a lease names */
mtype = { idle, sent, executed };         /* a renewal; executed: the reply is on its way */
mtype = { none, serving, quiesced };      /* A's tenant */
mtype = { write, read };

/* --- the store --- */
mtype holder = A;
byte  epoch = 1;
bool  endedA, revokedA, endedB;

/* --- node A --- */
bool  aliveA = true;                      /* false: reaped, or its gate closed for good; either way it never answers again */
byte  gate;                               /* ticks of A's clock until the deadline; 0: passed */
mtype tenant = serving;
byte  tenantEpoch = 1;
byte  request;                            /* the epoch a request under way began in; 0: none */
byte  leftEpoch;                          /* newest epoch A knows it gave away */
mtype renewal = idle;
byte  renewalAge;                         /* ticks of A's clock since it was sent */
byte  reading;                            /* a look at the leases or the reply to an acquire, on its way: the epoch it shows */
bool  asleep;                             /* only with CLOCK_STOPS_IN_SUSPEND: with a clock that counts, sleep is a pause */

/* --- node B: looks at the store before each answer --- */
bool  aliveB = true;

/*
 * --- the observer (a manager) ---
 * The number of renewals is only ever compared, so it is kept as "not renewed since": what was seen before a renewal
 * is forgotten with the renewal, because an End with that number can do nothing any more. Exact, and without bound.
 * One observer stands for any number: observers share nothing but the effect of their Ends.
 */
bool  look;                               /* a reading of A's row, on its way to the observer */
bool  seen;                               /* it holds a number that is A's present one */
byte  quiet;                              /* ticks of its clock since the receipt of the first reply that showed it */
bool  end;                                /* an End with this number, on its way to the store */

/* --- drift: each clock errs by one tick at the worst moment; only one interval of about TTL counts for each End --- */
bool  slowTick = true, fastTick = true;

/* --- the rules, and what breaks them --- */
#define tenantGate (tenant == serving && tenantEpoch == request)
#define sessionGate (gate > 0)
#if defined(NO_SECOND_GATE)
#define writeGate true
#elif defined(SESSION_GATE_ONLY)
#define writeGate sessionGate
#else
#define writeGate (sessionGate && tenantGate)               /* rule 2, after the commit */
#endif
#if defined(NO_READ_GATE)
#define readGate true
#elif defined(SESSION_GATE_ONLY)
#define readGate sessionGate
#else
#define readGate (sessionGate && tenantGate)                /* rule 2, after the snapshot is opened */
#endif
#ifdef END_WITHOUT_QUIET
#define isQuiet true
#elif defined(OBSERVER_HAS_A_TTL_OF_ITS_OWN)
#define isQuiet (quiet >= OTHER_TTL)                        /* what it would have promised, not what the session was */
#else
#define isQuiet (quiet >= TTL)                              /* rule 3 */
#endif
#ifdef SUPERVISOR_EARLY
#define isOver true
#else
#define isOver (!aliveA)                                    /* rule 3: reaped, or gate closed for good */
#endif
#ifdef ACQUIRE_FROM_LIVE
#define grantable true
#else
#define grantable (holder == nobody || (holder == A && endedA) || (holder == B && endedB))     /* rule 4 */
#endif
#ifdef STALE_LOOK_BELIEVED
#define isNews true
#else
#define isNews (reading > leftEpoch)                        /* rule 4, made exact: see README, "What the models found" */
#endif
#ifdef CLOCK_STOPS_IN_SUSPEND
#define runsA (aliveA && !asleep)
#else
#define runsA aliveA
#endif

/* The claim. By it and because the store raises the epoch with every change of the holder, no two ever answer under one. */
inline answers(what) {
    printf("A answers a %e begun in epoch %d; by the store %e leads in epoch %d\n", what, request, holder, epoch);
    assert(holder == A && epoch == request && !endedA)      /* LEADS: an ended session's lease may be another's already */
}

inline wasRenewed() {
    printf("    store: A is renewed\n");
#ifndef END_WITHOUT_SEEN
    look = false; seen = false; quiet = 0; end = false
#endif
}

active proctype NodeA() {
    do
    /* Rule 1. */
    :: atomic { runsA && renewal == idle -> renewal = sent; renewalAge = 0; printf("A sends a renewal\n") }
    :: atomic { runsA && renewal == executed ->
        if
#ifdef DEADLINE_FROM_REPLY
        :: true -> gate = OPEN_FOR
#else
        :: OPEN_FOR > renewalAge + gate -> gate = OPEN_FOR - renewalAge
        :: else
#endif
        fi;
        printf("A hears that it is renewed, %d after sending: gate open for %d\n", renewalAge, gate);
        renewal = idle; renewalAge = 0 }
    :: atomic { renewal != idle -> renewal = idle; renewalAge = 0 }       /* lost, or given up; may execute yet (Store) */

    /* Rule 2. The first gate only fails fast; a request may begin without it. Between its beginning and the gate that
       counts lie its commit or snapshot and any pause. */
    :: atomic { runsA && request == 0 && tenant == serving ->
        request = tenantEpoch; printf("A begins a request in epoch %d\n", request) }
    :: atomic { runsA && request != 0 && writeGate -> answers(write); request = 0 }
    :: atomic { runsA && request != 0 && readGate -> answers(read); request = 0 }
    :: atomic { runsA && request != 0 -> request = 0; printf("A answers: outcome unknown\n") }

    /* Rule 4: what it did not know it held, it serves; the reading may be old. */
    :: atomic { runsA && reading != 0 ->
        if
        :: isNews && (tenant == none || tenantEpoch < reading) ->
            tenant = serving; tenantEpoch = reading; printf("A serves in epoch %d\n", reading)
        :: else
        fi;
        reading = 0 }
    :: atomic { reading != 0 -> reading = 0 }                             /* lost */

    /* Rule 7: quiesce, then hand over (Store); when it hears or reads that the epoch is over, it knows. */
    :: atomic { runsA && tenant == serving && epoch < MAX_EPOCH -> tenant = quiesced; printf("A quiesces\n") }
    :: atomic { runsA && tenant != none && !(holder == A && epoch == tenantEpoch) ->
        leftEpoch = tenantEpoch; tenant = none; tenantEpoch = 0; printf("A knows that epoch %d is over\n", leftEpoch) }

    /* It dies, or is refused, or closes its gate for good to end its session. */
    :: atomic { aliveA ->
        aliveA = false; gate = 0; tenant = none; tenantEpoch = 0; leftEpoch = 0; request = 0;
        renewal = idle; renewalAge = 0; reading = 0; asleep = false;
        printf("A is dead, or its gate closed for good\n") }
#ifdef CLOCK_STOPS_IN_SUSPEND
    :: atomic { runsA -> asleep = true; printf("A's machine sleeps\n") }
    :: atomic { asleep -> asleep = false; printf("A's machine wakes\n") }
#endif
    od
}

/* Statements that were sent, whenever they execute. */
active proctype Store() {
    do
    /* Rule 1; also one that was given up, or a doubled one. */
    :: atomic { renewal == sent && !endedA && !revokedA -> renewal = executed; wasRenewed() }
    :: atomic { !endedA && !revokedA -> wasRenewed() }
    /* Rule 4, A's acquire; its reply is a reading, or lost. */
    :: atomic { grantable && !endedA && !revokedA && epoch < MAX_EPOCH ->
        holder = A; epoch++; if :: runsA -> reading = epoch :: true fi; printf("    store: A acquires epoch %d\n", epoch) }
    :: atomic { runsA && holder == A -> reading = epoch; printf("    store: shows A that it holds epoch %d\n", epoch) }
    /* Rule 7. */
    :: atomic { tenant == quiesced && holder == A && epoch == tenantEpoch && !endedB && epoch < MAX_EPOCH ->
        holder = B; epoch++; printf("    store: A transfers to B, epoch %d\n", epoch) }
    /* Rule 3: by the supervisor, or by the owner. */
    :: atomic { isOver && !endedA -> endedA = true; printf("    store: A's session is ended by itself or its supervisor\n") }
    od
}

active proctype NodeB() {
    do
    :: atomic { aliveB && holder != B && grantable && !endedB && epoch < MAX_EPOCH ->
        holder = B; epoch++; printf("    store: B acquires epoch %d\n", epoch) }
    :: atomic { aliveB && holder == B -> holder = nobody; printf("    store: B releases\n") }
    :: atomic { aliveB && holder == B && !endedA && !revokedA && epoch < MAX_EPOCH ->
        holder = A; epoch++; printf("    store: B transfers to A, epoch %d\n", epoch) }
    :: atomic { aliveB -> aliveB = false; printf("B is dead\n") }
    :: atomic { !aliveB && !endedB -> endedB = true; printf("    store: B's session is ended by its supervisor\n") }
    od
}

active proctype Observer() {
    do
    :: atomic { !look && !endedA -> look = true; printf("    store: shows the observer A's renewals\n") }
    :: atomic { look ->
        look = false;
        if
        :: seen
        :: else -> seen = true;
#ifdef QUIET_FROM_SEND
            if :: quiet = 0 :: quiet = TTL fi             /* it may have been sent that long ago */
#else
            quiet = 0
#endif
        fi;
        printf("the observer: quiet for %d\n", quiet) }
    :: atomic { look -> look = false }                    /* lost */
    :: atomic { seen -> seen = false; quiet = 0 }         /* a manager that knows nothing yet */
    :: atomic { seen && !end && isQuiet -> end = true; printf("the observer sends End\n") }
    :: atomic { end && !endedA -> end = false; endedA = true; printf("    store: A's session is ended by the observer\n") }
    :: atomic { end -> end = false }
    /* Rule 3: forced failover, delete and pause revoke, and then wait like anybody. */
    :: atomic { !revokedA && !endedA -> revokedA = true; printf("    store: A's session is revoked\n") }
#ifdef FORCED_END
    :: atomic { !endedA -> endedA = true; printf("    store: A's session is ended by force\n") }
#endif
    od
}

inline tickA() {
    if :: gate > 0 -> gate-- :: else fi;
    if :: renewal != idle && renewalAge < OPEN_FOR -> renewalAge++ :: else fi
}
inline tickObserver(n) {
    if :: seen && quiet + n < TTL -> quiet = quiet + n :: seen && quiet + n >= TTL -> quiet = TTL :: else fi
}

active proctype Time() {
    do
    :: atomic { true ->
        printf("tick\n");
        if
#ifdef CLOCK_STOPS_IN_SUSPEND
        :: asleep
#else
        :: false
#endif
        :: slowTick -> slowTick = false; printf("A's clock misses a tick\n")
        :: !asleep -> tickA()
        fi;
        if
        :: fastTick -> fastTick = false; tickObserver(2); printf("the observer's clock gains a tick\n")
        :: true -> tickObserver(1)
        fi }
    od
}

#ifdef WITNESS
/* Each must be reachable, or the claim would hold of nothing. */
active proctype Witness() {
#if WITNESS == 1        /* a failover by an observer while the old process lives, with a request it cannot answer any more */
    atomic { endedA && aliveA && holder == B && request == 1 && gate == 0 -> assert(false) }
#elif WITNESS == 2      /* A handed over, got the database back, and may answer in epoch 3 */
    tenant == none && holder == B && epoch == 2;
    atomic { request == 3 && tenantGate && sessionGate -> assert(false) }
#elif WITNESS == 3      /* a TTL of silence is seen, a late renewal arrives, and A goes on with its lease: no mass failover */
    atomic { quiet == TTL && gate == 0 && renewal == sent && request == 1 };
    atomic { sessionGate && tenantGate && request == 1 -> assert(false) }
#endif
}
#endif
