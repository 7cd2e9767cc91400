//! `mobile-ops` as a library that a host loads at run time.

edas_plugin::export!(edas_mobile_ops::MobileOps);
