//! One `auditLog` object, and how it is written: the field order and the omission of nulls of
//! Kestra's JSON.

use super::options::Dialect;
use crate::instant::write_date;
use std::borrow::Cow;

/// What one audit record says.
#[derive(Debug, Clone, Default)]
pub(super) struct Record<'a> {
    pub(super) tenant: Option<Cow<'a, str>>,
    pub(super) id: Cow<'a, str>,
    pub(super) action: Cow<'a, str>,
    /// Simple class name in `detail.type`, without `AuditLog`.
    pub(super) class: Cow<'a, str>,
    /// `detail.resource` (2.x) or `detail.permission` (1.x).
    pub(super) permission: Cow<'a, str>,
    pub(super) resource_type: Cow<'a, str>,
    pub(super) detail_id: Cow<'a, str>,
    pub(super) namespace: Option<Cow<'a, str>>,
    pub(super) flow: Option<Cow<'a, str>>,
    pub(super) execution: Option<Cow<'a, str>>,
    pub(super) revision: Option<u32>,
    /// Undeclared fields of `detail`, as JSON text `,"name":value…`.
    pub(super) detail_more: Cow<'a, str>,
    /// Nanoseconds since 1970.
    pub(super) time: i64,
    /// Fraction digits of `date`.
    pub(super) digits: u8,
    pub(super) user_id: Cow<'a, str>,
    pub(super) ip: Option<Cow<'a, str>>,
    pub(super) impersonated_by: Option<Cow<'a, str>>,
    /// `appliedPatch` and `revertPatch` as JSON text.
    pub(super) patches: Option<(String, String)>,
    /// Unknown fields of the record, as JSON text `,"name":value…`.
    pub(super) more: Cow<'a, str>,
}

/// What can be filtered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    Id,
    Action,
    Resource,
    UserId,
    Namespace,
}

impl Record<'_> {
    /// The text of a column, as filters see it.
    pub(super) fn column(&self, column: Column) -> Option<Cow<'_, str>> {
        let text = match column {
            Column::Id => &*self.id,
            Column::Action => &*self.action,
            Column::Resource => &*self.resource_type,
            Column::UserId => &*self.user_id,
            Column::Namespace => self.namespace.as_deref()?,
        };
        Some(text.into())
    }

    /// Appends the `auditLog` object.
    pub(super) fn write(&self, dialect: Dialect, out: &mut Vec<u8>) {
        out.push(b'{');
        if let Some(tenant) = &self.tenant {
            out.extend_from_slice(b"\"tenantId\":");
            text(out, tenant);
            out.push(b',');
        }
        field(out, "\"id\":", &self.id);
        field(out, ",\"type\":", &self.action);
        out.extend_from_slice(b",\"detail\":{\"type\":\"io.kestra.ee.models.audits.details.");
        out.extend_from_slice(self.class.as_bytes());
        out.extend_from_slice(b"AuditLog\"");
        let permission = match dialect {
            Dialect::V1 => ",\"permission\":",
            Dialect::V2 => ",\"resource\":",
        };
        field(out, permission, &self.permission);
        field(out, ",\"resourceType\":", &self.resource_type);
        field(out, ",\"id\":", &self.detail_id);
        optional(out, ",\"namespace\":", self.namespace.as_deref());
        optional(out, ",\"flowId\":", self.flow.as_deref());
        optional(out, ",\"executionId\":", self.execution.as_deref());
        if let Some(revision) = self.revision {
            out.extend_from_slice(b",\"revision\":");
            out.extend_from_slice(revision.to_string().as_bytes());
        }
        out.extend_from_slice(self.detail_more.as_bytes());
        out.extend_from_slice(b"},\"date\":\"");
        write_date(out, self.time, self.digits);
        out.push(b'"');
        field(out, ",\"userId\":", &self.user_id);
        optional(out, ",\"ipAddress\":", self.ip.as_deref());
        optional(out, ",\"impersonatedBy\":", self.impersonated_by.as_deref());
        if let Some((applied, revert)) = &self.patches {
            out.extend_from_slice(b",\"appliedPatch\":");
            out.extend_from_slice(applied.as_bytes());
            out.extend_from_slice(b",\"revertPatch\":");
            out.extend_from_slice(revert.as_bytes());
        }
        out.extend_from_slice(self.more.as_bytes());
        out.push(b'}');
    }
}

fn field(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    text(out, value);
}

fn optional(out: &mut Vec<u8>, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        field(out, name, value);
    }
}

/// Appends a JSON string.
fn text(out: &mut Vec<u8>, value: &str) {
    out.push(b'"');
    let plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    if value.bytes().all(plain) {
        out.extend_from_slice(value.as_bytes());
    } else {
        for byte in value.bytes() {
            match byte {
                b'"' => out.extend_from_slice(b"\\\""),
                b'\\' => out.extend_from_slice(b"\\\\"),
                b'\n' => out.extend_from_slice(b"\\n"),
                b'\t' => out.extend_from_slice(b"\\t"),
                b'\r' => out.extend_from_slice(b"\\r"),
                0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
                _ => out.push(byte),
            }
        }
    }
    out.push(b'"');
}

/// A JSON string.
pub(super) fn json_text(value: &str) -> String {
    let mut out = Vec::with_capacity(value.len() + 2);
    text(&mut out, value);
    // Only ASCII was added between whole characters.
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nulls_are_omitted_and_the_order_is_kestras() {
        let record = Record {
            id: "i".into(),
            action: "LOGIN".into(),
            class: "User".into(),
            permission: "USER".into(),
            resource_type: "USER".into(),
            detail_id: "u".into(),
            user_id: "u".into(),
            ..Record::default()
        };
        let mut out = Vec::new();
        record.write(Dialect::V2, &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            r#"{"id":"i","type":"LOGIN","detail":{"type":"io.kestra.ee.models.audits.details.UserAuditLog","resource":"USER","resourceType":"USER","id":"u"},"date":"1970-01-01T00:00:00Z","userId":"u"}"#
        );
    }

    proptest! {
        #[test]
        fn any_text_is_a_json_string(value in any::<String>()) {
            let read: String = serde_json::from_str(&json_text(&value)).unwrap();
            prop_assert_eq!(read, value);
        }
    }
}
