//! Objects as files, and what Google Cloud Storage knows about them besides.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, FixedOffset, SecondsFormat, Utc};

use super::{Account, lock};

/// In which time zone the service writes dates into its refusals.
const THERE: FixedOffset = FixedOffset::west_opt(7 * 3600).unwrap();

/// The name of an object: its bucket and its key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Name {
    pub(super) bucket: String,
    pub(super) key: String,
}

/// Why something is not done.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
    /// What the service says of this object or this account; empty where it says nothing more.
    pub(super) details: String,
}

pub(super) fn refuse(status: u16, code: &'static str, message: impl Into<String>) -> Refusal {
    Refusal {
        status,
        code,
        message: message.into(),
        details: String::new(),
    }
}

impl Refusal {
    fn with(self, details: String) -> Self {
        Self { details, ..self }
    }
}

/// Something of the double's own that went wrong. Clients repeat what is answered with 5xx, which
/// would only hide it.
impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        refuse(400, "DoubleFailed", error.to_string())
    }
}

/// An object as it is read.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) generation: u64,
    pub(super) modified: SystemTime,
    pub(super) content: Vec<u8>,
}

/// An object in a listing.
#[derive(Debug)]
pub(super) struct Meta {
    pub(super) bytes: u64,
    pub(super) modified: SystemTime,
}

/// On what a change depends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) account: Account,
    /// The generation that the object must have, 0 for none.
    pub(super) generation: Option<u64>,
    pub(super) retention: Option<Duration>,
    /// Whether the object is under a temporary hold.
    pub(super) held: bool,
    /// Whether what is written over or deleted stays as a noncurrent version.
    pub(super) versioning: bool,
    pub(super) pace: Duration,
}

#[derive(Debug)]
pub(super) struct Objects {
    root: PathBuf,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    /// Of the objects that exist, and of no other.
    generations: HashMap<Name, u64>,
    /// Noncurrent versions by name and generation. They are no files: other programs see live objects.
    noncurrent: HashMap<(Name, u64), Object>,
    next: u64,
    /// Names that are being created.
    begun: HashSet<Name>,
    /// When each object changed last.
    changed: HashMap<Name, Instant>,
}

impl Objects {
    pub(super) fn new(root: &Path) -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let micros = now.unwrap_or_default().as_micros();
        Self {
            root: root.to_owned(),
            known: Mutex::new(Known {
                generations: HashMap::new(),
                noncurrent: HashMap::new(),
                next: u64::try_from(micros).unwrap_or(1),
                begun: HashSet::new(),
                changed: HashMap::new(),
            }),
        }
    }

    fn bucket(&self, bucket: &str) -> Result<PathBuf, Refusal> {
        let folder = self.root.join(bucket);
        let plain = !bucket.is_empty() && !bucket.starts_with('.') && !bucket.contains('/');
        if plain && folder.is_dir() {
            Ok(folder)
        } else {
            let message = "The specified bucket does not exist.";
            Err(refuse(404, "NoSuchBucket", message))
        }
    }

    fn path(&self, name: &Name) -> Result<PathBuf, Refusal> {
        let parts = || name.key.split('/');
        let fits = parts().all(|part| !matches!(part, "" | "." | ".."))
            && name.key.len() <= 1024
            && !name.key.contains(['\r', '\n', '\0']);
        if !fits {
            let message = format!("The object name {:?} is not valid.", name.key);
            return Err(refuse(400, "InvalidArgument", message));
        }
        let mut path = self.bucket(&name.bucket)?;
        path.extend(parts());
        Ok(path)
    }

    /// The generation of an object, 0 where there is none. Files that somebody else put there are
    /// objects too.
    fn generation(&self, known: &mut Known, name: &Name) -> Result<u64, Refusal> {
        if !self.path(name)?.is_file() {
            known.generations.remove(name);
            return Ok(0);
        }
        if let Some(generation) = known.generations.get(name) {
            return Ok(*generation);
        }
        Ok(known.renew(name))
    }

    /// The live object, or the one of a generation, live or not.
    pub(super) fn read(&self, name: &Name, wanted: Option<u64>) -> Result<Object, Refusal> {
        let mut known = lock(&self.known);
        let generation = self.generation(&mut known, name)?;
        if let Some(wanted) = wanted
            && wanted != generation
        {
            let version = known.noncurrent.get(&(name.clone(), wanted));
            return version.cloned().ok_or_else(no_such_key);
        }
        self.live(name, generation)
    }

    fn live(&self, name: &Name, generation: u64) -> Result<Object, Refusal> {
        if generation == 0 {
            return Err(no_such_key());
        }
        let path = self.path(name)?;
        Ok(Object {
            generation,
            modified: fs::metadata(&path)?.modified()?,
            content: fs::read(path)?,
        })
    }

    /// Decides about a put. Nobody else can create the name until what is returned is dropped.
    pub(super) fn begin<'a>(&'a self, name: &Name, terms: &Terms) -> Result<Begun<'a>, Refusal> {
        let mut known = lock(&self.known);
        self.check(&mut known, name, terms)?;
        if !known.begun.insert(name.clone()) {
            let message = "The request failed because of a conflict with a concurrent request.";
            return Err(refuse(409, "OperationAborted", message));
        }
        Ok(Begun {
            objects: self,
            name: name.clone(),
            terms: *terms,
        })
    }

    pub(super) fn delete(&self, name: &Name, terms: &Terms) -> Result<(), Refusal> {
        let mut known = lock(&self.known);
        if terms.account != Account::All {
            return Err(missing("storage.objects.delete"));
        }
        let generation = self.generation(&mut known, name)?;
        if generation == 0 {
            return Err(no_such_key());
        }
        self.check(&mut known, name, terms)?;
        self.keep(&mut known, name, generation, terms)?;
        let path = self.path(name)?;
        fs::remove_file(&path)?;
        known.generations.remove(name);
        known.changed.insert(name.clone(), Instant::now());
        // A folder is nothing of its own: what is empty would be in the way of an object.
        let bucket = self.bucket(&name.bucket)?;
        let folders = path.ancestors().skip(1).take_while(|path| *path != bucket);
        for folder in folders {
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Before an object is written over or deleted: makes it a noncurrent version, where there are such.
    fn keep(
        &self,
        known: &mut Known,
        name: &Name,
        generation: u64,
        terms: &Terms,
    ) -> Result<(), Refusal> {
        if terms.versioning && generation != 0 {
            let object = self.live(name, generation)?;
            known.noncurrent.insert((name.clone(), generation), object);
        }
        Ok(())
    }

    /// Whether an object may be written over or deleted, or a new one created. Rights come first, as
    /// they do there, so that an account without them learns nothing from its condition.
    fn check(&self, known: &mut Known, name: &Name, terms: &Terms) -> Result<(), Refusal> {
        let generation = self.generation(known, name)?;
        match terms.account {
            Account::ReadOnly => return Err(missing("storage.objects.create")),
            Account::CreateOnly if generation != 0 => {
                return Err(missing("storage.objects.delete"));
            }
            Account::CreateOnly | Account::All => {}
        }
        let last = known.changed.get(name);
        if last.is_some_and(|last| last.elapsed() < terms.pace) {
            let message = "The object exceeded the rate limit for object mutation operations.";
            return Err(refuse(429, "SlowDown", message));
        }
        if terms.generation.is_some_and(|wanted| wanted != generation) {
            let message = "At least one of the pre-conditions you specified did not hold.";
            return Err(refuse(412, "PreconditionFailed", message));
        }
        // Under versioning nothing is lost: an object may become noncurrent, whatever keeps it.
        if generation == 0 || terms.versioning {
            return Ok(());
        }
        if terms.held {
            let message =
                "Object overwrite or deletion is not allowed due to active hold on the object.";
            return Err(refuse(403, "ObjectUnderActiveHold", message).with(format!(
                "Object '{}/{}' is under active Temporary hold and cannot be deleted, overwritten or \
                 archived until hold is removed.",
                name.bucket, name.key
            )));
        }
        let written = fs::metadata(self.path(name)?)?.modified()?;
        let age = written.elapsed().unwrap_or_default();
        if let Some(retention) = terms.retention
            && age < retention
        {
            let until = DateTime::<Utc>::from(written + retention).with_timezone(&THERE);
            let message = "Object overwrite or deletion is not allowed due to retention policy.";
            return Err(refuse(403, "RetentionPolicyNotMet", message).with(format!(
                "Object '{}/{}' is subject to bucket's retention policy or object retention and cannot \
                 be deleted or overwritten until {}",
                name.bucket,
                name.key,
                until.to_rfc3339_opts(SecondsFormat::Micros, false)
            )));
        }
        Ok(())
    }

    /// All objects of a bucket by key.
    pub(super) fn list(&self, bucket: &str) -> Result<BTreeMap<String, Meta>, Refusal> {
        let _still = lock(&self.known);
        let mut found = BTreeMap::new();
        walk(&self.bucket(bucket)?, "", &mut found)?;
        Ok(found)
    }
}

impl Known {
    fn renew(&mut self, name: &Name) -> u64 {
        self.next += 1;
        self.generations.insert(name.clone(), self.next);
        self.next
    }
}

/// A put that was decided and has not taken place.
#[derive(Debug)]
pub(super) struct Begun<'a> {
    objects: &'a Objects,
    name: Name,
    terms: Terms,
}

impl Begun<'_> {
    /// Makes the object appear, whole, and returns its generation.
    pub(super) fn finish(self, content: &[u8]) -> Result<u64, Refusal> {
        let objects = self.objects;
        let mut known = lock(&objects.known);
        objects.check(&mut known, &self.name, &self.terms)?;
        let before = objects.generation(&mut known, &self.name)?;
        objects.keep(&mut known, &self.name, before, &self.terms)?;
        let path = objects.path(&self.name)?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let generation = known.renew(&self.name);
        known.changed.insert(self.name.clone(), Instant::now());
        let temporary = objects.root.join(format!(".put-{generation}"));
        fs::write(&temporary, content)?;
        fs::rename(&temporary, path)?;
        Ok(generation)
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        lock(&self.objects.known).begun.remove(&self.name);
    }
}

fn no_such_key() -> Refusal {
    refuse(404, "NoSuchKey", "The specified key does not exist.")
}

fn missing(permission: &str) -> Refusal {
    refuse(403, "AccessDenied", "Access denied.").with(format!(
        "The caller does not have {permission} access to the Google Cloud Storage object. Permission \
         '{permission}' denied on resource (or it may not exist)."
    ))
}

fn walk(folder: &Path, prefix: &str, found: &mut BTreeMap<String, Meta>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string();
        let name = name.map_err(|_| io::Error::from(ErrorKind::InvalidData))?;
        let key = format!("{prefix}{name}");
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            walk(&entry.path(), &format!("{key}/"), found)?;
        } else {
            let meta = Meta {
                bytes: metadata.len(),
                modified: metadata.modified()?,
            };
            found.insert(key, meta);
        }
    }
    Ok(())
}
