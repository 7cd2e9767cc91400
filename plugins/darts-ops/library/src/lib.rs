//! `darts-ops` as a library that a host loads at run time.

edas_plugin::export!(edas_darts_ops::DartsOps);
