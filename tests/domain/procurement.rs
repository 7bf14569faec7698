//! Proves the rules of procurement.
