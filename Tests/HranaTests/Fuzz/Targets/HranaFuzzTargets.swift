import BerthTestKit

enum HranaFuzzTargets {
    static let all = [JSONFuzz.target, BatonFuzz.target] + RequestFuzz.targets + TextFuzz.targets + LoadFuzz.targets
}
