//! `flashdelta keygen`

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use flashdelta::sign::PrivateKey;
use flashdelta::verify::Algorithm;

use crate::args::OutputArgs;
use crate::failure::{Failure, Outcome};
use crate::keys;
use crate::outputs::{print_json, Target};
use crate::standard::STANDARD;
use crate::text::{self, remark};

const HELP: &str = "\
Examples:
  flashdelta keygen -o release.pem
      Also release.pub.pem: that one goes to devices and to whoever checks patches.
  flashdelta keygen -o release.pem --algorithm p256
      For devices whose chip or library has ECDSA P-256: mbedTLS, PSA Crypto, secure elements.

The files are PEM as OpenSSL reads and writes it: PKCS#8 and SubjectPublicKeyInfo. The key id is
the start of
  openssl pkey -pubin -in release.pub.pem -outform DER | sha256sum";

/// `--algorithm`
#[derive(Clone, Copy, ValueEnum)]
enum AlgorithmArg {
    /// Ed25519 (RFC 8032)
    Ed25519,
    /// ECDSA on the curve P-256, with SHA-256
    P256,
}

/// Make a key that signs patches
///
/// The private key can be read by you only, and no file is replaced. Whoever has it can sign
/// patches that your devices take: keep it where patches are released, not where they are stored.
#[derive(clap::Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Args {
    /// Where the private key goes; the public one goes beside it, with .pub.pem for .pem. With `-`
    /// the private key alone goes to standard output
    #[arg(long, short, value_name = "KEY.pem")]
    output: PathBuf,
    /// What the key is for
    #[arg(long, value_enum, default_value_t = AlgorithmArg::Ed25519)]
    algorithm: AlgorithmArg,
    #[command(flatten)]
    output_args: OutputArgs,
}

impl Args {
    pub(crate) fn run(self) -> Outcome {
        let algorithm = match self.algorithm {
            AlgorithmArg::Ed25519 => Algorithm::Ed25519,
            AlgorithmArg::P256 => Algorithm::P256,
        };
        if self.output == Path::new(STANDARD) {
            return self.print(algorithm);
        }
        let public_path = keys::public_path(&self.output);
        keys::refuse_present(&self.output)?;
        keys::refuse_present(&public_path)?;
        let key =
            PrivateKey::generate(algorithm).map_err(|error| Failure::key(&self.output, &error))?;
        keys::write_new(&self.output, &key.to_pem(), true)?;
        keys::write_new(&public_path, &key.public().to_pem(), false)?;
        let key_id = keys::id(key.public().key_id());
        let (private, public) = (text::path(&self.output), text::path(&public_path));
        if !self.output_args.quiet {
            remark!("{private}: a private key for {}, key id {key_id}", algorithm.name());
            remark!("{public}: the public key that belongs to it");
        }
        if self.output_args.json {
            print_json(&serde_json::json!({
                "output": private, "public": public, "algorithm": algorithm.name(),
                "key_id": key_id,
            }))?;
        }
        Ok(())
    }

    /// Writes the private key to standard output. Where the public one would go nothing says.
    fn print(&self, algorithm: Algorithm) -> Outcome {
        let target = Target::new(&self.output, &[])?;
        target.refuse_json(self.output_args.json)?;
        let key =
            PrivateKey::generate(algorithm).map_err(|error| Failure::key(&self.output, &error))?;
        target.write(key.to_pem().as_bytes())?;
        if !self.output_args.quiet {
            let key_id = keys::id(key.public().key_id());
            remark!("standard output: a private key for {}, key id {key_id}", algorithm.name());
            remark!("  `openssl pkey -in KEY.pem -pubout` makes the public key that belongs to it");
        }
        Ok(())
    }
}
