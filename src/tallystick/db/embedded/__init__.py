"""The embedded PostgreSQL: one cluster per data folder, up exactly as long as somebody uses it.

A *user* is a process that holds a `Lease`. The *supervisor* is a small detached process that starts
PostgreSQL as its child, starts it again when it dies, and stops it after its last user. Every claim is a
flock, so it ends with its process, however that dies:

    locks/users.lock        shared by every user; exclusive by the supervisor from the moment it stops
    locks/supervisor.lock   exclusive for the life of a supervisor; taken by who starts it and handed over
    locks/cluster.lock      exclusive, inherited by every process of PostgreSQL: free means that none is left
    locks/<name>.lock       exclusive by the holder of `exclusive_name`

State machine of the supervisor (`locks/supervisor.json` shows it):

    starting --ready--> ready --postmaster died--> restarting --ready--> ready
    any of these --users.lock got exclusively: nobody is left--> stopping --stopped--> (gone)
    starting, restarting --PostgreSQL refuses to start--> failed, with the reason --> (gone)

- Arriving: take `users.lock` shared (waits while a supervisor is stopping), and only then look for a
  supervisor or start one. From there on none can stop the database, so a newcomer ends with a running one.
- Leaving: drop the lock. The supervisor tries for it exclusively five times a second.
- Supervisor killed: the kernel sends the postmaster SIGINT (fast shutdown), so the database never outlives
  its supervisor; each Lease has a thread that starts a new supervisor, which waits for the old postmaster
  to leave and starts another.
- All killed at once: backends end by themselves without a postmaster; the next `acquire` recovers.

Linux only: it rests on flock, /proc and the parent-death signal. Elsewhere, use a PostgreSQL of your own.
"""

from tallystick.db.embedded.folder import EmbeddedError
from tallystick.db.embedded.lease import Lease, acquire

__all__ = ["EmbeddedError", "Lease", "acquire"]
