//! How fast patches are applied: sample firmware, by codec, and by the size of the pieces in which
//! the patch arrives.

use criterion::{criterion_group, criterion_main, Criterion, Throughput};
use flashdelta::apply::{apply, Applier, ApplyOptions};
use flashdelta::diff::{diff, DiffOptions};
use flashdelta::Codec;

#[path = "../src/samples.rs"]
mod samples;

fn codecs(c: &mut Criterion) {
    for (name, old, new) in samples::pairs() {
        let mut group = c.benchmark_group(format!("apply/{name}"));
        group.throughput(Throughput::Bytes(new.len() as u64));
        for codec in [Codec::Model, Codec::Lz4, Codec::Raw] {
            let patch = diff(&old, &new, &DiffOptions::new().codec(codec)).expect("it fits").bytes;
            group.bench_function(codec.to_string(), |b| {
                b.iter(|| apply(&old, &patch).expect("it applies"))
            });
        }
        group.finish();
    }
}

fn pieces(c: &mut Criterion) {
    let Some((name, old, new)) = samples::pairs().into_iter().next() else { return };
    let patch = diff(&old, &new, &DiffOptions::new()).expect("it fits");
    let mut workspace = vec![0; patch.header.workspace_len()];
    let mut slot = vec![0; new.len()];
    let mut group = c.benchmark_group(format!("pieces/{name}"));
    group.throughput(Throughput::Bytes(new.len() as u64));
    for size in [1, 64, 4096] {
        group.bench_function(format!("{size}"), |b| {
            b.iter(|| {
                let options = ApplyOptions::default();
                let mut applier = Applier::new(&mut workspace, &old[..], &mut slot[..], options);
                for piece in patch.bytes.chunks(size) {
                    applier.feed(piece).expect("it applies");
                }
                assert!(applier.finish().is_ok());
            });
        });
    }
    group.finish();
}

criterion_group!(benches, codecs, pieces);
criterion_main!(benches);
