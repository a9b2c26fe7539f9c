/*
 * Liveness: leases.md, rules 3, 4 and 10, with control-plane.md "Failover" and architecture.md "Intent and fact".
 *
 * Once faults stop, is a database that some node can serve served, and then again and again?
 *
 * Node A may stay unable to serve, or be gone for good. Node B can serve, and comes back whenever it died. Managers act on
 * views that are old. Every periodic activity is a process that can always take a step, and weak fairness says that each of
 * them goes on; nothing is said about when. Safety is not looked at here.
 *
 * Bounds: FAULTS faults of any kind, in any order, at any time.
 */
#ifndef FAULTS
#define FAULTS 3
#endif
#define A 0
#define B 1
#define nobody 2
#define other(n) (1 - n)

/* --- the store --- */
byte holder = nobody;
bool holderEnded, holderDead;                    /* the session the lease names: ended in the store; its process is dead */
byte placed = A;
byte gaveUp = nobody;                            /* the node that released it because it could not serve it */

/* --- nodes --- */
bool up[2] = true;
bool gone;                                       /* A's machine does not come back */
bool unableA;                                    /* A cannot restore or open this database */
bool knows[2];                                   /* it knows that it holds the lease */
bool serving[2];
byte resting;                                    /* A gave it up; it tries again only after a manager had time to look */
byte failing[2];                                 /* how long it has not been able to serve; 2: 30 s */

/* --- managers --- */
bool hasView, viewAlive[2], viewEnded, viewFree;
byte viewHolder = nobody, viewPlaced, viewGaveUp = nobody;
byte braked;                                     /* TTLs an End has been put off */
bool many;                                       /* more than half of the sessions seem to die, perhaps for ever */

byte faults;

#define holds(n) (holder == n && !holderEnded && !holderDead)
#define isFree (holder == nobody || holderEnded)
#define able(n) (n == B || !unableA)
#define served ((serving[A] && up[A] && holds(A)) || (serving[B] && up[B] && holds(B)))

#ifdef NO_POLL
#define learns(n) knows[n]
#else
#define learns(n) true                           /* rule 4: `session = me` */
#endif

#ifdef NO_REST
#define rests false
#else
#define rests (resting > 0)
#endif

inline forget(n) { knows[n] = false; serving[n] = false; failing[n] = 0 }

inline die(n) {
    up[n] = false; forget(n);
    if :: holder == n && !holderEnded -> holderDead = true :: else fi;
    printf("%c dies\n", 65 + n)
}

proctype Node(byte n) {
    do
    :: atomic { true ->
        if
        :: !up[n] && !(n == A && gone) -> up[n] = true; printf("%c is up with a new session\n", 65 + n)
        :: up[n] && !holds(n) && (knows[n] || serving[n]) -> forget(n); printf("%c lets go\n", 65 + n)
        :: up[n] && holds(n) && !serving[n] && learns(n) && able(n) ->
            knows[n] = true; serving[n] = true; failing[n] = 0; printf("%c serves\n", 65 + n)
        :: up[n] && holds(n) && serving[n] && !able(n) -> serving[n] = false; printf("%c cannot serve any more\n", 65 + n)
        :: up[n] && holds(n) && !serving[n] && learns(n) && !able(n) && failing[n] < 2 -> failing[n]++
#ifndef HOLDER_KEEPS
        /* Rule 4: a holder that cannot serve within 30 s releases. */
        :: up[n] && holds(n) && !serving[n] && learns(n) && !able(n) && failing[n] == 2 -> holder = nobody; gaveUp = n; resting = 2; forget(n); printf("%c cannot serve and releases\n", 65 + n)
#endif
        :: up[n] && isFree && placed == n && !(n == A && rests) ->
            holder = n; holderEnded = false; holderDead = false; failing[n] = 0;
            if
            :: knows[n] = true; printf("%c acquires\n", 65 + n)
            :: faults < FAULTS -> faults++; printf("%c acquires and does not hear of it\n", 65 + n)
            fi
        /* Rule 7: to a successor that is prepared, whose session has not ended; its process may be dead. */
        :: up[n] && holds(n) && serving[n] && placed != n && able(placed) && (up[placed] || faults < FAULTS) ->
            if :: up[placed] :: else -> faults++; holderDead = true fi;
            forget(n); holder = placed; printf("%c transfers to %c\n", 65 + n, 65 + holder)
        :: else
        fi }
    od
}

/* Rules 3 and 10. The supervisor of a process that died does the same sooner. */
proctype Observer() {
    do
    :: atomic { true ->
        if
        :: holder != nobody && holderDead && !holderEnded && many && braked < 2 -> braked++; printf("the brake\n")
#ifndef BRAKE_FOREVER
        :: holder != nobody && holderDead && !holderEnded && many && braked == 2 -> braked = 0; holderEnded = true; printf("    store: %c's session is ended, after the brake\n", 65 + holder)
#endif
        :: holder != nobody && holderDead && !holderEnded && !many -> holderEnded = true; printf("    store: %c's session is ended\n", 65 + holder)
        :: else -> braked = 0
        fi }
    od
}

/* The leading manager, and whoever follows it: reads, and acts on what it read some time ago. */
proctype Manager() {
    do
    :: atomic { !hasView ->
        hasView = true; viewAlive[A] = up[A]; viewAlive[B] = up[B]; viewHolder = holder; viewEnded = holderEnded; viewFree = (holder == nobody);
        viewPlaced = placed; viewGaveUp = gaveUp }
    :: atomic { hasView ->
        hasView = false;
        if
        :: viewPlaced != placed || !viewAlive[other(placed)]    /* the intent changed since, or there is nobody else */
        /* Its holder's session has ended, or nobody holds it and the node it is placed on is absent: elsewhere. */
        :: viewPlaced == placed && viewAlive[other(placed)] && ((viewEnded && (viewHolder == placed || !viewAlive[placed])) || (viewFree && !viewAlive[placed])) ->
            placed = other(placed); gaveUp = nobody; printf("a manager places it on %c\n", 65 + placed)
#ifndef RELEASED_STAYS
        /* The node it is placed on gave it up: elsewhere. */
        :: viewPlaced == placed && viewAlive[other(placed)] && viewFree && viewGaveUp == placed ->
            placed = other(placed); gaveUp = nobody; printf("a manager places what was given up on %c\n", 65 + placed)
#endif
        :: else
        fi;
        if :: resting > 0 -> resting-- :: else fi;     /* at the second end a look is over that began after the release */
        viewAlive[A] = false; viewAlive[B] = false; viewHolder = nobody; viewEnded = false; viewFree = false; viewPlaced = 0; viewGaveUp = nobody }
    od
}

active proctype Faults() {
    if :: many = true :: true fi;
    run Node(A); run Node(B); run Observer(); run Manager();
    do
    :: atomic { faults < FAULTS ->
        faults++;
        if
        :: up[A] -> die(A)
        :: up[A] -> die(A); gone = true
        :: up[B] -> die(B)
        :: !unableA -> unableA = true; printf("A cannot serve this database from now on\n")
        :: unableA -> unableA = false; printf("A can serve it again\n")
        :: placed = other(placed); gaveUp = nobody; printf("an operator moves it to %c\n", 65 + placed)
        fi }
    :: faults = FAULTS; break                                  /* or no more of them */
    :: faults == FAULTS -> break
    od
}

/* SERVED */
ltl alwaysAgain { []<> served }

#ifdef WITNESS
/* Each must be reachable, or the claim would hold of nothing. */
active proctype Witness() {
#if WITNESS == 1        /* A gives up, B serves */
    atomic { holder == A && failing[A] == 2 };
    atomic { serving[B] && holds(B) && unableA && up[A] -> assert(false) }
#elif WITNESS == 2      /* the brake held, then let go, and B serves */
    atomic { braked == 2 && holder == A && gone };
    atomic { serving[B] && holds(B) && many -> assert(false) }
#elif WITNESS == 3      /* a lease held without knowing is found */
    atomic { holds(A) && !knows[A] && up[A] };
    atomic { serving[A] && holds(A) -> assert(false) }
#endif
}
#endif
