//! How fast patches are made: sample firmware, by RAM of the device and by codec.

use criterion::{criterion_group, criterion_main, Criterion, Throughput};
use flashdelta::diff::{diff, DiffOptions};
use flashdelta::{Codec, InstructionSet};

#[path = "../src/samples.rs"]
mod samples;

fn make(c: &mut Criterion) {
    for (name, old, new) in samples::pairs() {
        let mut group = c.benchmark_group(format!("make/{name}"));
        group.sample_size(10).throughput(Throughput::Bytes(new.len() as u64));
        let all = DiffOptions::new();
        let cases = [
            ("64KiB", all.clone()),
            ("16KiB", all.clone().ram(16 << 10)),
            ("64KiB, no ISA", all.clone().isa(InstructionSet::None)),
            ("lz4", all.clone().codec(Codec::Lz4)),
            ("one thread", all.threads(1)),
        ];
        for (case, options) in cases {
            group.bench_function(case, |b| b.iter(|| diff(&old, &new, &options).expect("it fits")));
        }
        group.finish();
    }
}

criterion_group!(benches, make);
criterion_main!(benches);
