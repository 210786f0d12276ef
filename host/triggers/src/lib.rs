//! What starts a run by itself: schedules, folders, objects, HTTP, queues, other runs, alarms.
