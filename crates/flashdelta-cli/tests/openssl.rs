//! Signatures by OpenSSL and by us, with keys of both, by the commands of the guide.
#![cfg(unix)]

mod common;

use std::fs;
use std::path::Path;
use std::process::Command;

use flashdelta::sign;

/// The folder of the program comes first where commands are looked for.
fn shell(folder: &Path, command: &str) -> bool {
    let program = Path::new(env!("CARGO_BIN_EXE_flashdelta")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let output = Command::new("sh")
        .args(["-c", command])
        .current_dir(folder)
        .env("PATH", path)
        .output()
        .unwrap();
    eprint!("$ {command}\n{}", String::from_utf8_lossy(&output.stderr));
    output.status.success()
}

fn succeeds(folder: &Path, command: &str) {
    assert!(shell(folder, command), "{command}");
}

/// What the guide has done where the key is somewhere else.
fn commands_of_the_guide(comment: &str) -> Vec<String> {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide.md");
    let guide = fs::read_to_string(guide).unwrap();
    let block = guide.split("```sh\n").find(|block| block.contains("--print-message")).unwrap();
    let lines = block.split("```").next().unwrap().lines();
    let mut commands = Vec::new();
    for line in lines {
        let (command, said) = line.split_once('#').unwrap_or((line, ""));
        if !command.starts_with("openssl") || said.contains(comment) {
            commands.push(command.trim().to_owned());
        }
    }
    assert_eq!(commands.len(), 3, "{commands:?}");
    commands
}

/// The DER of a signature on P-256, which OpenSSL wants.
fn der(raw: &[u8; 64]) -> Vec<u8> {
    let integers = raw.chunks(32).flat_map(|number| {
        let first = number.iter().position(|byte| *byte != 0).unwrap_or(31);
        let mut bytes = number[first..].to_vec();
        if bytes[0] >= 0x80 {
            bytes.insert(0, 0);
        }
        [vec![2, bytes.len() as u8], bytes].concat()
    });
    let integers: Vec<u8> = integers.collect();
    [vec![0x30, integers.len() as u8], integers].concat()
}

fn both_ways(algorithm: &str, maker: &str) {
    let folder = common::folder(&format!("openssl-{algorithm}-{maker}"));
    let old: Vec<u8> = (0..6000u32).map(|at| (at * at / 7) as u8).collect();
    let mut new = old.clone();
    new[3000..3100].reverse();
    fs::write(folder.join("old.bin"), old).unwrap();
    fs::write(folder.join("new.bin"), new).unwrap();
    succeeds(&folder, "flashdelta diff old.bin new.bin -o update.fdp --effort 1");
    let (kind, digest, comment) = match algorithm {
        "ed25519" => ("-algorithm ED25519", "", "Ed25519"),
        _ => ("-algorithm EC -pkeyopt ec_paramgen_curve:P-256", "-digest sha256", "P-256"),
    };
    if maker == "openssl" {
        succeeds(&folder, &format!("openssl genpkey {kind} -out release.pem"));
        succeeds(&folder, "openssl pkey -in release.pem -pubout -out release.pub.pem");
    } else {
        succeeds(&folder, &format!("flashdelta keygen -o release.pem --algorithm {algorithm}"));
        succeeds(&folder, "openssl pkey -in release.pem -pubout | cmp - release.pub.pem");
    }

    // OpenSSL's signature is right for us.
    for command in commands_of_the_guide(comment) {
        succeeds(&folder, &command);
    }
    succeeds(&folder, "flashdelta verify old.bin signed.fdp --key release.pub.pem");

    // And ours for OpenSSL.
    succeeds(&folder, "flashdelta sign update.fdp --key release.pem -o ours.fdp");
    let ours = fs::read(folder.join("ours.fdp")).unwrap();
    let raw = sign::signatures(&ours).unwrap()[0].bytes;
    let signature = if algorithm == "ed25519" { raw.to_vec() } else { der(&raw) };
    let mut message = sign::message(&ours).unwrap();
    fs::write(folder.join("ours.signature"), signature).unwrap();
    fs::write(folder.join("ours.message"), message).unwrap();
    let verify = format!(
        "openssl pkeyutl -verify -rawin {digest} -pubin -inkey release.pub.pem -in ours.message \
         -sigfile ours.signature"
    );
    succeeds(&folder, &verify);
    message[40] ^= 1;
    fs::write(folder.join("ours.message"), message).unwrap();
    assert!(!shell(&folder, &verify), "another message");
}

#[test]
fn ed25519_both_ways() {
    both_ways("ed25519", "openssl");
    both_ways("ed25519", "flashdelta");
}

#[test]
fn p256_both_ways() {
    both_ways("p256", "openssl");
    both_ways("p256", "flashdelta");
}

#[test]
fn keys_that_are_no_text_are_named_as_what_is_wanted() {
    let folder = common::folder("openssl-der");
    succeeds(&folder, "openssl genpkey -algorithm ED25519 -outform DER -out key.der");
    fs::write(folder.join("update.fdp"), common::testdata("signed/chunks.patch")).unwrap();
    for (command, said) in [
        ("flashdelta sign update.fdp --key key.der -o out.fdp", "no private key in PEM"),
        ("flashdelta verify update.fdp update.fdp --key key.der", "no public key in PEM"),
    ] {
        let told = format!("{command} 2>&1 | grep -q '{said}'");
        succeeds(&folder, &told);
    }
}
