#[test]
fn scratch_pairs() {
    let Ok(pairs) = std::env::var("SCRATCH_PAIRS") else { return };
    for pair in pairs.split(' ') {
        let (old, new) = pair.split_once(':').unwrap();
        let [old, new] = [old, new].map(|path| std::fs::read(path).unwrap());
        let start = std::time::Instant::now();
        let patch = super::diff(&old, &new, &crate::DiffOptions::new()).unwrap();
        let t = start.elapsed();
        let start = std::time::Instant::now();
        assert!(super::apply(&old, &patch.bytes).unwrap() == new);
        eprintln!(
            "{pair}: {} bytes in {t:?}, applied in {:?}; header {} common {}",
            patch.bytes.len(),
            start.elapsed(),
            patch.info.header_len,
            patch.info.common_len
        );
        for m in &patch.info.members {
            eprintln!(
                "  {} {} {} of {} {:?} recipe {:?} old {:?}",
                m.name, m.method, m.bytes, m.size, m.content_size, m.recipe, m.old
            );
        }
        eprintln!("  {:?} {:?}", patch.unused, patch.whole);
    }
}
