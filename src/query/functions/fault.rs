//! Why a function gives no value.

/// What a function says of arguments that it does not take: what happened, and what to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::query) struct FunctionFault {
    pub(in crate::query) reason: String,
    pub(in crate::query) fix: String,
}

impl FunctionFault {
    pub(super) fn new(reason: impl Into<String>, fix: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            fix: fix.into(),
        }
    }
}
