//! What is due goes, everywhere and for good; what is held stays; whatever happens in between.

mod concurrent;
mod crash;
mod guard;
mod keeping;
mod places;
mod storm;
