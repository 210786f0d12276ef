//! HTTP: routes, limits, security; the work is the serving core's.
