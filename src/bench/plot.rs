//! Draws the distributions as box plots made of characters: whiskers from the 5th to the 95th percentile, a box
//! from the 25th to the 75th, and a bar at the median.

use unicode_width::UnicodeWidthStr;

use super::stats::Summary;

/// Draws the plots below each other on one scale, `width` columns wide.
pub fn boxes(all: &[(String, Summary)], width: usize) -> String {
    let label = all.iter().map(|(name, _)| name.width()).max().unwrap_or(0).min(width / 3);
    let room = width.saturating_sub(label + 3).max(20);
    let from = all.iter().map(|(_, s)| s.p[0]).fold(f64::MAX, f64::min);
    let to = all.iter().map(|(_, s)| s.p[3]).fold(f64::MIN, f64::max);
    if all.is_empty() || from >= to {
        return String::new();
    }
    let place = |ms: f64| (((ms - from) / (to - from)).clamp(0.0, 1.0) * (room - 1) as f64).round() as usize;
    let mut out = String::new();
    for (name, s) in all {
        let mut line = vec![' '; room];
        let [p5, p25, p75, p95, _] = s.p;
        line[place(p5)..=place(p95)].fill('─');
        line[place(p5)] = '├';
        line[place(p95)] = '┤';
        line[place(p25)..=place(p75)].fill('▒');
        line[place(s.median)] = '█';
        let name: String = name.chars().take(label).collect();
        let line: String = line.into_iter().collect();
        out.push_str(&format!("{name:<label$}  {}\n", line.trim_end()));
    }
    let (left, right) = (format!("{from:.3} ms"), format!("{to:.3} ms"));
    let gap = room.saturating_sub(left.len() + right.len());
    out.push_str(&format!("{:label$}  {left}{:gap$}{right}\n", "", ""));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slower_variant_stands_to_the_right_of_a_faster_one() {
        let samples =
            |factor: f64| -> Vec<f64> { (0..100).map(|i| factor * (1.0 + f64::from(i) / 100.0)).collect() };
        let of = |factor| Summary::of(&samples(factor)).unwrap();
        let text = boxes(&[("fast".into(), of(1.0)), ("slower".into(), of(2.0))], 60);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 3, "{text}");
        let at = |line: &str| line.chars().position(|c| c == '█').unwrap();
        assert!(at(lines[0]) < at(lines[1]), "{text}");
        assert!(lines.iter().all(|line| line.chars().count() <= 60), "{text}");
        assert!(lines[2].trim_start().starts_with("1.040 ms") && lines[2].ends_with("3.880 ms"), "{text}");
        assert_eq!(boxes(&[], 60), "");
    }
}
