//! TEMPORARY: experiments.
#![allow(missing_docs)]
use super::{candidates, mask, matches, parse, plan};
use crate::coding::{range::RangeEncoder, Meter, BitCoder};
use crate::model::{Model, Shape, Step};
use crate::predict::address_map::{AddressMaps, PointerRanges, Segment, SegmentWords};
use crate::predict::walker::{InstructionSet, Walker};


pub struct Trial<'a> { pub old: &'a [u8], pub new: &'a [u8], pub isa: InstructionSet, pub old_map: &'a [Segment], pub new_map: &'a [Segment], pub ranges: &'a [(u32,u32)], pub slots: u16, pub map: u16 }

struct Both { e: RangeEncoder, m: Meter }
impl BitCoder for Both {
    fn code(&mut self, p: u16, bit: bool) -> bool { self.e.code(p, bit); self.m.code(p, bit) }
    fn enter(&mut self, part: crate::coding::Part) { self.m.enter(part) }
}


pub fn trial(t: &Trial<'_>) -> (Vec<u8>, [u64; 6], String) {
    let t0 = std::time::Instant::now();
    let words = |map: &[Segment]| map.iter().map(Segment::words).collect::<Vec<SegmentWords>>();
    let (old_words, new_words) = (words(t.old_map), words(t.new_map));
    let pointers = |map: &[Segment]| {
        let mut p = PointerRanges::default();
        t.ranges.iter().for_each(|r| p.add(crate::isa::AddressRange { start: r.0, end: r.1 }));
        map.iter().for_each(|s| p.add_segment(s));
        p
    };
    let maps = AddressMaps { old: &old_words, new: &new_words, pointers: pointers(t.old_map) };
    let new_maps = AddressMaps { old: &new_words, new: &new_words, pointers: pointers(t.new_map) };
    let om = mask::mask(t.old, Walker::new(t.isa, AddressMaps { new: &old_words, ..maps }));
    let nm = mask::mask(t.new, Walker::new(t.isa, new_maps));
    let t1 = std::time::Instant::now();
    let m = matches::Matches::find(&om, &nm, 2);
    let t2 = std::time::Instant::now();
    let limits = candidates::Limits { old_match: crate::tune::t(18,4) as u32, new_match: crate::tune::t(19,4) as u32, drop: crate::tune::t(20,64), miss: crate::tune::t(21,2), work: 64 };
    let c = candidates::find(&om, &nm, t.new, &m, &limits);
    let t3 = std::time::Instant::now();
    use parse::BIT;
    let prices = parse::Prices { literal: crate::tune::t(10,210) as u32, hit: crate::tune::t(11,2) as u32, new_hit: crate::tune::t(12,6) as u32, miss: crate::tune::t(13,340) as u32, next_miss: crate::tune::t(14,200) as u32, leave: crate::tune::t(15,280) as u32, enter: crate::tune::t(16,110) as u32, distance_bit: crate::tune::t(17,42) as u32 };
    let copies = parse::parse(&om, &nm, &c, &prices);
    let t4 = std::time::Instant::now();
    let mut wrong = 0; let mut covered = 0; let mut longest=0;
    for c in &copies { let src: &[u8] = if c.space == crate::model::Space::Old { t.old } else { t.new }; let l=(c.end-c.start) as usize; covered += l; if l>longest {longest=l;} for k in 0..l { if src[c.source as usize+k] != t.new[c.start as usize+k] { wrong += 1; } } }
    if std::env::var("COPIES").is_ok() { let mut e = 0u32; let mut ls = 0u32; for c in &copies { if c.start > e { eprintln!("  lit {:x}+{} {:02x?}", e, c.start - e, &t.new[e as usize..c.start.min(e+24) as usize]); } eprintln!("{:?} {:x}+{} from {:x} (delta {})", c.space, c.start, c.end - c.start, c.source, c.source.wrapping_sub(ls) as i32); e = c.end; if c.space == crate::model::Space::Old { ls = c.source + c.end - c.start; } } }
    let gaps = t.new.len() - covered;
    let bad = m.old.iter().enumerate().filter(|(i,x)| { let l = x.length as usize; om[x.position as usize..][..l] != nm[*i..][..l] }).count();
    let shape = Shape { slots: t.slots, map: t.map };
    let mut slots = vec![0u16; shape.all_slots()];
    let mut weights = vec![0i32; crate::model::WEIGHTS];
    let mut map = vec![0u32; t.map as usize * 2];
    let mut model = Model::new((&mut slots, &mut weights, &mut map), Walker::new(t.isa, maps), t.old.len() as u32, t.new.len() as u32);
    let mut plan = plan::Plan::new(t.new, &copies);
    let mut images = plan::InMemory { old: t.old, new: t.new };
    model.train(&mut images).unwrap();
    let mut coder = Both { e: RangeEncoder::new(), m: Meter::new() };
    let mut stat = std::collections::BTreeMap::new();
    let mut check = Vec::new();
    while (model.position() as usize) < t.new.len() {
        crate::tune::LAST.store(0, core::sync::atomic::Ordering::Relaxed);
        let before = coder.m.spent;
        let r = model.step(&mut coder, &mut images, &mut plan);
        let k = crate::tune::LAST.load(core::sync::atomic::Ordering::Relaxed);
        let e = stat.entry(k >> 8).or_insert([0u64; 5]);
        let d: Vec<u64> = coder.m.spent.iter().zip(before).map(|(a,b)| a - b).collect();
        e[0] += 1; e[1] += u64::from(k & 3 == 2); e[2] += d[0]; e[3] += d[2] + d[3]; e[4] += d[1] + d[4];
        match r { 
            Ok(Step::Wrote(w)) => check.extend_from_slice(&w.bytes[..w.len as usize]),
            _ => panic!(),
        }
    }
    assert!(check == t.new);
    if std::env::var("STAT").is_ok() { let mut v: Vec<_> = stat.into_iter().collect(); v.sort_by_key(|x| std::cmp::Reverse(x.1[2] + x.1[3])); for (k, e) in v.iter().take(24) { eprintln!("form {:2} class {:2}: n {:7} miss {:6} hitcost {:6} corr {:6} ctl/lit {:6}", k >> 8, k & 255, e[0], e[1], e[2] >> 19, e[3] >> 19, e[4] >> 19); } }
    let t5 = std::time::Instant::now();
    let s = format!("wrong {wrong} lit {gaps} longest {longest} bad {bad} cand {} copies {} mask {:?} match {:?} cand {:?} parse {:?} enc {:?}", c.len(), copies.len(), t1-t0,t2-t1,t3-t2,t4-t3,t5-t4);
    let spent = coder.m.spent.map(|x| x >> 19);
    (coder.e.finish(), spent, s)
}
