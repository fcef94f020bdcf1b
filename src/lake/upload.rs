//! Uploading a data file.

use crate::failpoint;
use crate::store::{Bucket, CreateError, Created, Patience, create};

use super::facts::EncodedFile;

/// Uploads a data file and makes sure, by asking for its size, that it is there whole. Its name is
/// unique to the run, so nobody else can have it.
///
/// # Errors
/// As for [`create`], and [`CreateError::Size`].
pub async fn upload(
    bucket: &Bucket,
    file: &EncodedFile,
    patience: Patience,
) -> Result<Created, CreateError> {
    let name = file.facts.file.to_string();
    failpoint::hit("upload.before_put");
    let created = create(bucket, &name, &file.content, patience).await?;
    failpoint::hit("upload.after_put");
    let found = bucket.size(&name).await?;
    if found != file.facts.bytes {
        return Err(CreateError::Size {
            object: bucket.url_of(&name),
            sent: file.facts.bytes,
            found,
        });
    }
    failpoint::hit("upload.after_size");
    Ok(created)
}
