//! `edas-policies` as a library that a host loads at run time.

edas_plugin::export!(edas_policies::EdasPolicies);
