/*
 * Objects, sweeping and garbage: leases.md, rule 13 and the object's part of rule 6.
 *
 * Is the object of every published changeset in the bucket, whatever was swept?
 *
 * One publisher; a sweeper that works from an old listing; a garbage collector; forks that refer to objects of others.
 * PUT, publish and DELETE execute late or twice, and replies are lost. Compaction is left out: to the bucket it is a
 * publish under a new name plus garbage.
 *
 * Bounds: NAMES bundles. Everything else repeats without bound.
 */
#ifndef NAMES
#define NAMES 4
#endif

mtype = { absent, published, tombstone, removed };         /* the row of a name */
mtype = { idle, sent, succeeded, swept };                  /* the publish under way */

mtype row[NAMES] = absent;
bool  stored[NAMES];                       /* the object */
byte  references[NAMES];                   /* segment rows, of the publisher's database and of forks */

byte  name;                                /* the bundle under way; NAMES: no name is left */
bool  knowsStored;                         /* the publisher knows that its object is in the bucket */
mtype publish = idle;
bool  isRetry;                             /* the head has advanced already, so the statement matches nothing */

bool  deleting[NAMES];                     /* a DELETE on its way */
bool  listed[NAMES];                       /* the sweeper saw the object, and no published row, some time ago */
bool  collecting[NAMES];                   /* only with GARBAGE_OBJECT_FIRST */

#ifdef PUBLISH_BEFORE_STORED
#define mayPublish true
#else
#define mayPublish knowsStored
#endif

inline next() { name++; knowsStored = false; publish = idle; isRetry = false }

inline objectsAreThere() {
    byte i;
    for (i : 0 .. NAMES - 1) { assert(references[i] == 0 || stored[i]) }       /* STORED */
    i = 0
}

active proctype Publisher() {
    do
    /* Create-only; a PUT may also execute late, when nobody waits for it any more. */
    :: atomic { name < NAMES && !knowsStored -> stored[name] = true; printf("bundle %d is stored\n", name);
        if :: knowsStored = true :: printf("the reply is lost\n") fi }
    /* The object is there already: as good, if its bytes are the same. */
    :: atomic { name < NAMES && !knowsStored && stored[name] -> knowsStored = true; printf("bundle %d is found stored\n", name) }
    :: atomic { name < NAMES && mayPublish && publish == idle -> publish = sent; printf("publish of bundle %d is sent\n", name) }
    :: atomic { publish == succeeded -> next() }
    :: atomic { publish == succeeded -> publish = idle; printf("the reply is lost\n") }
    /* Its name is taken by a tombstone: the same changeset under another name. */
    :: atomic { publish == swept -> next(); printf("bundle %d was swept; its changeset goes into the next\n", name - 1) }
    od
}

active proctype Store() {
    do
    :: atomic { publish == sent ->
        if
        :: isRetry -> publish = succeeded                                      /* no match: nothing is inserted; the row tells it */
        :: !isRetry && row[name] == absent ->
            row[name] = published; references[name]++; isRetry = true; publish = succeeded;
            printf("    store: bundle %d is published\n", name); objectsAreThere()
        :: else -> publish = swept                                             /* unique name */
        fi }
    od
}

/* Rule 13: the tombstone is committed under the bundle's unique name, then the object is deleted. */
active proctype Sweeper() {
    byte n;
    do
    :: atomic { select(n : 0 .. NAMES - 1); if :: stored[n] && row[n] != published && row[n] != removed && !listed[n] -> listed[n] = true; printf("the sweeper lists bundle %d\n", n) :: else fi; n = 0 }
    :: atomic { select(n : 0 .. NAMES - 1);
        if
        :: listed[n] ->
            listed[n] = false;
#ifdef SWEEP_WITHOUT_TOMBSTONE
            deleting[n] = true
#else
            if
            :: row[n] == absent || row[n] == tombstone -> row[n] = tombstone; deleting[n] = true; printf("    store: bundle %d has a tombstone\n", n)
            :: else
            fi
#endif
        :: else
        fi;
        n = 0 }
    od
}

active proctype Bucket() {
    byte n;
    do
    :: atomic { select(n : 0 .. NAMES - 1);
        if :: deleting[n] -> stored[n] = false; printf("bundle %d is deleted\n", n); objectsAreThere() :: else fi;
        if :: deleting[n] = false :: true fi;                                  /* it may execute again */
        n = 0 }
    od
}

/* Retention takes references away, forks add them. Rule 13: the row is deleted and that is committed, then the object. */
active proctype Garbage() {
    byte n;
    do
    :: atomic { select(n : 0 .. NAMES - 1); if :: references[n] > 0 -> references[n]-- :: else fi; n = 0 }
    :: atomic { select(n : 0 .. NAMES - 1);                                    /* a fork: refused where the row is gone */
        if :: row[n] == published && references[n] < 2 -> references[n]++; printf("    store: a segment row refers to bundle %d\n", n); objectsAreThere() :: else fi; n = 0 }
    :: atomic { select(n : 0 .. NAMES - 1);
        if
        :: row[n] == published && references[n] == 0 ->
#ifdef GARBAGE_OBJECT_FIRST
            deleting[n] = true; printf("garbage: the object of bundle %d goes first\n", n)
#else
            row[n] = removed; deleting[n] = true; printf("    store: the row of bundle %d is deleted\n", n)
#endif
        :: else
        fi;
        n = 0 }
    od
}

#ifdef WITNESS
/* Each must be reachable, or the claim would hold of nothing. */
active proctype Witness() {
#if WITNESS == 1        /* a bundle is swept before it is published, and its changeset arrives under another name */
    atomic { publish == swept };
    atomic { row[0] == tombstone && !stored[0] && row[1] == published && references[1] == 1 -> assert(false) }
#elif WITNESS == 2      /* the sweeper lists a bundle and finds it published when it wants to sweep it */
    atomic { listed[0] && row[0] == published && publish == succeeded };
    atomic { !listed[0] && row[0] == published && stored[0] && name == 1 -> assert(false) }
#elif WITNESS == 3      /* garbage is collected */
    atomic { row[0] == removed && !stored[0] -> assert(false) }
#endif
}
#endif
