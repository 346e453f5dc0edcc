//! `nextbest keygen`: a pair of keys, one to sign bundles with and one to verify them with.

use std::fmt;
use std::path::PathBuf;

use anyhow::bail;
use serde::Serialize;

use crate::app::usage;
use crate::io::output::{Readers, write_new};
use crate::trust::PrivateKey;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Folder for both key files
    #[arg(long, value_name = "FOLDER", default_value = "keys")]
    out: PathBuf,
    /// Prefix of the names of both key files
    #[arg(long, value_name = "NAME", default_value = "nextbest")]
    name: String,
}

#[derive(Debug, Serialize)]
pub(crate) struct Generated {
    private_key: PathBuf,
    public_key: PathBuf,
    /// The public key's name for people: the first digits of its SHA-256.
    fingerprint: String,
}

pub(crate) fn run(arguments: &Arguments) -> anyhow::Result<Generated> {
    let name = &arguments.name;
    if name.is_empty() || name.contains(['/', '\\']) {
        return Err(usage(anyhow::anyhow!("--name: expected the beginning of a file name, got {name:?}")));
    }
    let file = |kind: &str| arguments.out.join(format!("{name}.{kind}.pem"));
    let (private_key, public_key) = (file("private"), file("public"));
    // Whoever loses a private key can never sign again for those who ask for it. A private key alone is what
    // a run that was stopped in between has left.
    let key = match (private_key.exists(), public_key.exists()) {
        (true, false) => PrivateKey::read(&private_key)?,
        (false, false) => {
            let key = PrivateKey::generate()?;
            write_new(&private_key, key.pem()?.as_bytes(), Readers::Owner)?;
            key
        }
        (_, true) => bail!(
            "{}: is there already, and keys are not overwritten: choose another --name",
            if private_key.exists() { private_key } else { public_key }.display()
        ),
    };
    write_new(&public_key, key.public_pem()?.as_bytes(), Readers::All)?;
    Ok(Generated { private_key, public_key, fingerprint: key.fingerprint() })
}

impl fmt::Display for Generated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (private, public) = (self.private_key.display(), self.public_key.display());
        writeln!(f, "key {}", self.fingerprint)?;
        writeln!(
            f,
            "wrote {private} (keep it secret and safe: who has it can sign, and it can't be made again)"
        )?;
        writeln!(f, "wrote {public} (give it to everyone who uses bundles)")?;
        writeln!(f, "next:")?;
        writeln!(f, "  nextbest export --sign {private}")?;
        writeln!(f, "  nextbest score --public-key {public}")?;
        writeln!(f, "or in config.yaml: trust: {{private_key: {private}, public_key: {public}}}")?;
        writeln!(
            f,
            "and in JavaScript: Recommender.load(bytes, {{ publicKey }}), with the text of the public file"
        )
    }
}
