//! `nb201` as a library that a host loads at run time.

edas_plugin::export!(edas_nb201::Nb201);
