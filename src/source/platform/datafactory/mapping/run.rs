//! A state of a pipeline run.

use super::common::{object, outcome};
use super::resource::AzureResource;
use crate::event::json::{named, named_in, text};
use crate::event::{Category, Event};
use std::borrow::Cow;

/// The event of a state of a run.
pub(super) fn of_run(event: Event<'_>) -> Event<'_> {
    let source = event.raw;
    let [
        run,
        pipeline,
        status,
        message,
        invoked_by,
        id,
        group,
        parameters,
    ] = named_in(
        source.as_bytes(),
        [
            "runId",
            "pipelineName",
            "status",
            "message",
            "invokedBy",
            "id",
            "runGroupId",
            "parameters",
        ],
    );
    let text = |value| text(value, source).filter(|text| !text.is_empty());
    let [actor_uid, actor_name] = named(source.as_bytes(), invoked_by, ["id", "name"]).map(text);
    let status = text(status);
    let id = text(id);
    let parts = id
        .as_deref()
        .map_or_else(AzureResource::default, AzureResource::of);
    let pipeline = text(pipeline);
    Event {
        category: Category::Execution,
        activity_id: 99,
        activity_name: match status.as_deref() {
            Some("Queued") => "Queue",
            Some("InProgress") => "Run",
            Some("Canceling" | "Cancelling" | "Cancelled") => "Cancel",
            Some("Succeeded" | "Failed") => "End",
            _ => "Other",
        }
        .into(),
        outcome: outcome(status.as_deref()),
        outcome_code: status,
        outcome_detail: text(message),
        actor_uid,
        actor_name,
        resource_uid: id.as_deref().map(|id| id.to_lowercase().into()),
        resource_name: pipeline.clone(),
        namespace: parts.factory.map(Cow::Owned),
        workflow: pipeline,
        execution_uid: text(run),
        correlation_uid: text(group),
        account: parts.subscription.map(Cow::Owned),
        detail: object(parameters, source),
        ..event
    }
}
