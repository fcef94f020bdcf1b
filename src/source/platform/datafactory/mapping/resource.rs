//! The parts of a resource id: `/subscriptions/s/resourceGroups/g/providers/Microsoft.DataFactory/factories/f/pipelines/p`.

/// What a resource id names. Its kinds come in any case, its names as they are written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct AzureResource {
    pub(super) subscription: Option<String>,
    pub(super) factory: Option<String>,
    pub(super) pipeline: Option<String>,
    pub(super) run: Option<String>,
    /// The last name.
    pub(super) name: Option<String>,
}

impl AzureResource {
    pub(super) fn of(id: &str) -> Self {
        let mut parts = id.split('/').filter(|part| !part.is_empty());
        let mut found = Self::default();
        while let (Some(kind), Some(name)) = (parts.next(), parts.next()) {
            let written = Some(name.to_owned());
            match kind.to_ascii_lowercase().as_str() {
                // Its ids are the same in any case.
                "subscriptions" => found.subscription = Some(name.to_ascii_lowercase()),
                "factories" => found.factory.clone_from(&written),
                "pipelines" => found.pipeline.clone_from(&written),
                "pipelineruns" => found.run.clone_from(&written),
                // The provider is followed by a kind, as a pair is.
                "providers" => continue,
                _ => {}
            }
            found.name = written;
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_known_in_any_case() {
        let some = |text: &str| Some(text.to_owned());
        let id = "/subscriptions/AA/resourceGroups/Data/providers/Microsoft.DataFactory/factories/Sales/pipelines/Load";
        let expected = AzureResource {
            subscription: some("aa"),
            factory: some("Sales"),
            pipeline: some("Load"),
            run: None,
            name: some("Load"),
        };
        assert_eq!(AzureResource::of(id), expected);
        let upper = AzureResource::of(&id.to_uppercase());
        assert_eq!(
            (upper.factory, upper.pipeline),
            (some("SALES"), some("LOAD"))
        );
        let run = AzureResource::of("/factories/f/pipelineruns/r1");
        assert_eq!(
            (run.factory, run.run, run.name),
            (some("f"), some("r1"), some("r1"))
        );
        assert_eq!(AzureResource::of(""), AzureResource::default());
    }
}
