fn main() {
    let none: Vec<i32> = std::env::args().skip(1).map(|word| word.parse().unwrap()).collect();
    println!("{}", none[5]);
}
